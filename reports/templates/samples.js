/* The raw samples that cards hold, as `reports/embedded_samples.py` has packed them: a row for each step. */
(() => {
  "use strict";
  const LINE_END = 10;
  const COLUMNS = [
    "variant", "pass", "repetition", "phase", "step", "step_ns", "cpu_ns", "device_ns",
  ];

  const inflate = async (text) => {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  };

  const rowsOf = (variant, pass, repetition, series) => {
    const head = [variant, pass, repetition];
    const single = ["first", "warm-up"].flatMap((phase) => (
      (series[phase] ?? []).map((ns, step) => [...head, phase, step, ns, null, null])
    ));
    const timed = ["step", "cpu", "device"].map((kind) => series[kind] ?? []);
    const length = Math.max(...timed.map((samples) => samples.length));
    const steps = Array.from({ length }, (_, step) => (
      [...head, "timed", step, ...timed.map((samples) => samples[step] ?? null)]
    ));
    return [...single, ...steps];
  };

  const unpack = async (text) => {
    const bytes = await inflate(text);
    const end = bytes.indexOf(LINE_END);
    const head = JSON.parse(new TextDecoder().decode(bytes.subarray(0, end)));
    const size = (bytes.length - end - 1) / head.planes;
    let place = end + 1;
    const next = () => {
      let number = 0;
      for (let plane = head.planes - 1; plane >= 0; plane -= 1) {
        number = number * 256 + bytes[place + plane * size];
      }
      place += 1;
      return number;
    };
    return head.trials.flatMap(([variant, pass, repetition, told]) => {
      const series = Object.fromEntries(told.map(([kind, length, smallest]) => (
        [kind, Array.from({ length }, () => smallest + next())]
      )));
      return rowsOf(head.variants[variant], pass, repetition, series);
    });
  };

  for (const card of document.querySelectorAll(".samples")) {
    const { name } = card.dataset;
    const packed = card.querySelector("template").content.textContent.trim();
    const said = saving.live();
    const save = async (format) => {
      said.textContent = "";
      try {
        saving.save({ name, columns: COLUMNS, rows: await unpack(packed) }, format);
      } catch {
        said.textContent = "This browser cannot unpack them: records.jsonl, in the run's directory, has them too.";
      }
    };
    const tools = document.createElement("span");
    tools.className = "tools";
    for (const format of ["csv", "json"]) {
      const text = format.toUpperCase();
      tools.append(saving.button(text, `Save ${name} as ${text}`, () => save(format)));
    }
    tools.append(said);
    card.querySelector("p").append(" ", tools);
  }
})();
