(() => {
  "use strict";
  const HINT = "Point at the plot, or focus it and use the arrow keys.";

  const follow = (trace) => {
    const svg = trace.querySelector("svg");
    const said = trace.querySelector(".said");
    const points = [...svg.querySelectorAll(".points > *")];
    if (points.length === 0) return;
    let chosen = -1;
    const choose = (index) => {
      points[chosen]?.classList.remove("chosen");
      chosen = index;
      points[index]?.classList.add("chosen");
      said.textContent = index < 0 ? HINT : points[index].querySelector("title").textContent;
    };
    const middle = (point) => {
      const box = point.getBBox();
      return box.x + box.width / 2;
    };
    const nearest = (event) => {
      const x = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse()).x;
      const away = points.map((point) => Math.abs(middle(point) - x));
      return away.indexOf(Math.min(...away));
    };
    const moves = {
      ArrowLeft: () => Math.max(0, chosen - 1),
      ArrowRight: () => Math.min(points.length - 1, chosen + 1),
      Home: () => 0,
      End: () => points.length - 1,
    };

    trace.tabIndex = 0;
    said.hidden = false;
    choose(-1);
    svg.addEventListener("pointermove", (event) => choose(nearest(event)));
    svg.addEventListener("pointerdown", (event) => choose(nearest(event)));
    svg.addEventListener("pointerleave", () => { if (document.activeElement !== trace) choose(-1); });
    trace.addEventListener("focus", () => { if (chosen < 0) choose(points.length - 1); });
    trace.addEventListener("blur", () => choose(-1));
    trace.addEventListener("keydown", (event) => {
      if (!Object.hasOwn(moves, event.key)) return;
      event.preventDefault();
      choose(moves[event.key]());
    });
  };

  const filter = () => {
    const row = document.querySelector(".filter");
    const field = row.querySelector("input");
    const status = row.querySelector("[role=status]");
    const figures = [...document.querySelectorAll("figure.history")];
    const steady = document.querySelector(".steady");
    if (figures.length < 2) return;
    row.hidden = false;
    field.addEventListener("input", () => {
      const text = field.value.trim().toLowerCase();
      for (const figure of figures) figure.hidden = !figure.dataset.name.toLowerCase().includes(text);
      const shown = figures.filter((figure) => !figure.hidden).length;
      status.textContent = text ? `${shown} of ${figures.length}` : "";
      if (text && steady) steady.open = true;
    });
  };

  document.querySelectorAll(".trace").forEach(follow);
  filter();
})();
