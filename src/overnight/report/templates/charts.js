"use strict";
/* Draws the figures of a page anew where a script may run: zoom by dragging, values under the
   pointer. In: the JSON of #figures. Out: a canvas in place of each drawing, the drawing hidden.
   Never: a request, markup from data (everything is drawn or set as text). */
(() => {
  const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
  const WIDTHS = {raw: 1, main: 2, marked: 1.5, reference: 1.5, outcome: 2};
  const COLOURS = {raw: "--raw", main: "--accent", marked: "--held", reference: "--reference",
                   outcome: "--good"};
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const two = (n) => String(n).padStart(2, "0");
  /* Steps between the lines of an axis, so that times and sizes are round. */
  const NICE = [1, 2, 5, 10, 20, 50, 100, 200, 500];
  const STEPS = {
    clock: [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400],
    bytes: [2 ** 10, 2 ** 20, 2 ** 30].flatMap((unit) => NICE.map((step) => step * unit)),
  };
  const drawn = [];
  let told = null;

  /* A local time of the night's machine: its offset is in the seconds already. */
  function clock(seconds) {
    const at = new Date(Math.round(seconds) * 1000);
    const time = two(at.getUTCHours()) + ":" + two(at.getUTCMinutes());
    return told.exact ? time + ":" + two(at.getUTCSeconds())
      : told.length > 64800 ? at.getUTCDate() + " " + MONTHS[at.getUTCMonth()] + " " + time : time;
  }

  function count(value) {
    for (const [size, unit] of [[1e9, "B"], [1e6, "M"], [1e3, "k"]])
      if (Math.abs(value) >= size) return +(value / size).toPrecision(3) + " " + unit;
    return String(+value.toPrecision(3));
  }

  function size(value) {
    for (const [unit, name] of [[2 ** 30, "GiB"], [2 ** 20, "MiB"]])
      if (Math.abs(value) >= unit) return (value / unit).toFixed(unit > 2 ** 20 ? 1 : 0) + " " + name;
    return value + " B";
  }

  function words(value, unit) {
    if (value == null) return "";
    if (unit === "clock") return clock(value);
    if (unit === "rate") return value === 0 ? "0" : value.toExponential(1);
    if (unit === "loss") return value.toFixed(3);
    if (unit === "bytes") return size(value);
    return count(value);
  }

  /* One axis of x for all lines: null where a line has no point. */
  function aligned(figure) {
    const xs = new Set([told.from, told.from + told.length]);
    for (const line of figure.lines) for (const x of line.x) xs.add(told.from + x);
    const all = [...xs].sort((a, b) => a - b), place = new Map(all.map((x, i) => [x, i]));
    const shift = figure.unit === "clock" ? told.offset : 0;
    return [all, ...figure.lines.map((line) => {
      const ys = new Array(all.length).fill(null);
      line.x.forEach((x, i) => { ys[place.get(told.from + x)] = line.y[i] + shift; });
      return ys;
    })];
  }

  /* The nearest place at which a line has a point: most have none just under the pointer. */
  function nearest(plot, line, index) {
    const ys = plot.data[line];
    if (line === 0 || ys[index] != null) return index;
    for (let away = 1; away < ys.length; away++) {
      if (ys[index - away] != null) return index - away;
      if (ys[index + away] != null) return index + away;
    }
    return index;
  }

  function intervals(plot, figure) {
    const {ctx} = plot, ratio = devicePixelRatio, shift = figure.unit === "clock" ? told.offset : 0;
    figure.lines.forEach((line) => {
      if (!line.low.length) return;
      ctx.save();
      ctx.beginPath();
      ctx.rect(plot.bbox.left, plot.bbox.top, plot.bbox.width, plot.bbox.height);
      ctx.clip();
      ctx.strokeStyle = colour(COLOURS[line.role]);
      ctx.globalAlpha = 0.3;
      ctx.lineWidth = 5 * ratio;
      ctx.beginPath();
      line.x.forEach((x, i) => {
        const at = plot.valToPos(told.from + x, "x", true);
        ctx.moveTo(at, plot.valToPos(line.low[i] + shift, "y", true));
        ctx.lineTo(at, plot.valToPos(line.high[i] + shift, "y", true));
      });
      ctx.stroke();
      ctx.restore();
    });
  }

  /* Stretches that were lost, then named instants, each name only where there is room for it. */
  function background(plot) {
    const {ctx, bbox} = plot;
    ctx.save();
    ctx.fillStyle = colour("--lost");
    ctx.globalAlpha = 0.1;
    for (const [start, end] of told.gone) {
      const left = Math.max(plot.valToPos(told.from + start, "x", true), bbox.left);
      const right = Math.min(plot.valToPos(told.from + end, "x", true), bbox.left + bbox.width);
      if (right > left) ctx.fillRect(left, bbox.top, right - left, bbox.height);
    }
    ctx.restore();
  }

  function marks(plot, figure) {
    const {ctx, bbox} = plot, ratio = devicePixelRatio;
    let free = bbox.left;
    ctx.save();
    ctx.font = 12 * ratio + "px system-ui, sans-serif";
    ctx.textBaseline = "top";
    ctx.textAlign = "left";
    for (const mark of figure.marks) {
      const at = plot.valToPos(told.from + mark.x, "x", true);
      if (at < bbox.left || at > bbox.left + bbox.width) continue;
      ctx.strokeStyle = ctx.fillStyle = colour(mark.trouble ? "--bad" : "--soft");
      ctx.lineWidth = ratio;
      ctx.setLineDash([2 * ratio, 3 * ratio]);
      ctx.beginPath();
      ctx.moveTo(at, bbox.top);
      ctx.lineTo(at, bbox.top + bbox.height);
      ctx.stroke();
      const wide = ctx.measureText(mark.name).width + 5 * ratio;
      const left = at + wide > bbox.left + bbox.width ? at - wide : at + 5 * ratio;
      if (left < free) continue;
      ctx.fillText(mark.name, left, bbox.top + 2 * ratio);
      free = left + wide + 6 * ratio;
    }
    ctx.restore();
  }

  function series(line, figure) {
    const points = line.low.length > 0 && line.x.length <= 60;
    return {
      label: line.name, stroke: () => colour(COLOURS[line.role]), width: WIDTHS[line.role],
      dash: line.role === "reference" ? [5, 5] : undefined, spanGaps: true,
      points: {show: points || line.x.length === 1, size: line.role === "outcome" ? 9 : 6,
               fill: colour(COLOURS[line.role])},
      value: (plot, value) => words(value, figure.unit),
    };
  }

  function axis(unit, side) {
    return {
      side, stroke: () => colour("--soft"), font: "12px system-ui, sans-serif",
      grid: {stroke: () => colour("--line"), width: 1}, ticks: {show: false},
      incrs: STEPS[unit],
      values: (plot, at) => at.map((value) => words(value, unit)),
      size: side === 3 ? (plot, values) => 14 + 7 * Math.max(4, ...(values || [""]).map((v) => v.length))
        : 28,
    };
  }

  /* Heights as the drawing has them, spikes left out; whoever zooms in sees all of that stretch.
     The new x is not known yet when uPlot asks: all is shown where all heights are. */
  function heights(figure, data) {
    const shown = figure.frame.map((value) => value + (figure.unit === "clock" ? told.offset : 0));
    const all = data.slice(1).flat().filter((value) => value != null);
    const least = all.reduce((a, b) => Math.min(a, b)), most = all.reduce((a, b) => Math.max(a, b));
    return (plot, low, high) => {
      if (low == null || (low <= least && high >= most)) return shown;
      const room = 0.06 * (high - low) || Math.abs(high) * 0.1 || 1;
      return [low - room, high + room];
    };
  }

  const zone = (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC");

  function options(figure, data, width, height) {
    return {
      width, height, tzDate: zone,
      scales: {x: {time: true}, y: {range: heights(figure, data)}},
      series: [{value: (plot, value) => value == null ? "" : clock(value), label: "time"},
               ...figure.lines.map((line) => series(line, figure))],
      axes: [{...axis("clock", 2), values: (plot, at) => at.map(clock), space: told.exact ? 72 : 64},
             axis(figure.unit, 3)],
      cursor: {dataIdx: nearest, drag: {x: true, y: false}, y: false},
      hooks: {drawClear: [background], draw: [(plot) => { intervals(plot, figure); marks(plot, figure); }]},
    };
  }

  function chart(section) {
    const figure = told.figures[section.dataset.figure];
    const drawing = section.querySelector(".canvas");
    const place = document.createElement("div");
    place.className = "plotted";
    place.setAttribute("role", "img");
    place.setAttribute("aria-label", drawing.getAttribute("aria-label"));
    const high = drawing.querySelector(".plot").getBoundingClientRect().height + 40;
    drawing.after(place);
    const data = aligned(figure), wide = place.clientWidth || 300;
    const plot = new uPlot(options(figure, data, wide, high), data, place);
    drawing.hidden = true;
    section.querySelector(".legend").hidden = true;
    new ResizeObserver(() => {
      if (place.clientWidth && place.clientWidth !== plot.width)
        plot.setSize({width: place.clientWidth, height: high});
    }).observe(place);
    drawn.push(plot);
  }

  function draw() {
    while (drawn.length) drawn.pop().destroy();
    const data = document.getElementById("figures");
    if (!data) return;
    told = JSON.parse(data.textContent);
    told.from = told.start + told.offset;
    document.querySelectorAll("[data-figure]").forEach(chart);
  }

  window.overnight = {draw};
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change",
    () => drawn.forEach((plot) => plot.redraw(false)));
  draw();
})();
