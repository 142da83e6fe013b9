"""Plots of a run's scenarios, and what all plots are made of."""
