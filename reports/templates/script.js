"use strict";
(() => {
  const root = document.documentElement;
  const themes = ["system", "light", "dark"];
  const button = document.getElementById("theme");

  const remembered = () => {
    try { return localStorage.getItem("benchsuite-theme"); } catch { return null; }
  };
  const remember = (theme) => {
    try { localStorage.setItem("benchsuite-theme", theme); } catch { /* private windows keep nothing */ }
  };
  const show = (theme) => {
    root.dataset.theme = theme;
    button.querySelector("span").textContent = theme;
  };

  show(themes.includes(remembered()) ? remembered() : "system");
  button.hidden = false;
  button.addEventListener("click", () => {
    const next = themes[(themes.indexOf(root.dataset.theme) + 1) % themes.length];
    show(next);
    remember(next);
  });
})();
