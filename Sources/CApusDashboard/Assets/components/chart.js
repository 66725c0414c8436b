// SPDX-License-Identifier: Apache-2.0

// Lines over time, in SVG: axes with round numbers and units, the clock that the person has chosen, gaps where nothing is known, and the
// values under the pointer. Redrawn with every sample; a chart has a few hundred points at most.

import { h, svg, fill } from "../lib/dom.js";
import { clock, now, zone } from "../lib/format.js";

/** @typedef {readonly [at: number, value: number | null]} Point */
/** @typedef {{ label: string, series: 1 | 2 | 3, area?: boolean }} Line */

const HEIGHT = 190;
const MARGIN = { top: 10, right: 12, bottom: 22, left: 58 };
/** How much time the axis has: the least of these that holds all that is known. */
const SPANS = [30_000, 60_000, 120_000];

export class TimeChart {
    /** @type {Point[][]} */
    #points = [];
    #width = 600;
    /** @type {number | null} */
    #pointer = null;

    /**
     * @param {object} options
     * @param {string} options.label what it shows, for those who do not see it
     * @param {Line[]} options.lines
     * @param {(value: number) => string} options.format of values, with their unit
     * @param {number} [options.least] the least that the axis goes up to
     * @param {AbortSignal} signal
     */
    constructor({ label, lines, format, least = 1 }, signal) {
        Object.assign(this, { label, lines, format, least });
        this.drawing = svg("svg", { role: "img", "aria-label": label, height: HEIGHT });
        this.tip = h("div.chart-tip", { hidden: true });
        this.element = h("div.stack", {},
            h("div.chart", {
                onpointermove: (/** @type {PointerEvent} */ event) => {
                    this.#pointer = event.clientX - this.drawing.getBoundingClientRect().left;
                    this.#draw();
                },
                onpointerleave: () => {
                    this.#pointer = null;
                    this.#draw();
                },
            }, this.drawing, this.tip),
            h("div.legend", {}, lines.map((line) => h("span", { data: { series: line.series } }, line.label)),
                h("small.faint.push", { title: "The clock of the time axis" }, zone())));
        const observer = new ResizeObserver(([entry]) => {
            this.#width = Math.max(240, Math.round(entry.contentRect.width));
            this.#draw();
        });
        observer.observe(this.drawing);
        signal.addEventListener("abort", () => observer.disconnect(), { once: true });
    }

    /** @param {...(readonly Point[])} points of each line, in order of time */
    set(...points) {
        this.#points = /** @type {Point[][]} */ (points);
        this.#draw();
    }

    #draw() {
        const end = Math.max(...this.#points.map((points) => points.at(-1)?.[0] ?? 0)) || now();
        const top = scale(Math.max(this.least, ...this.#points.flat().map(([, value]) => value ?? 0)));
        const [left, right] = [MARGIN.left, this.#width - MARGIN.right];
        const [high, low] = [MARGIN.top, HEIGHT - MARGIN.bottom];
        const begin = Math.min(end, ...this.#points.map((points) => points[0]?.[0] ?? end));
        const span = SPANS.find((one) => end - begin <= one) ?? 120_000;
        const x = (/** @type {number} */ at) => right - ((end - at) / span) * (right - left);
        const y = (/** @type {number} */ value) => low - (value / top.max) * (low - high);
        this.drawing.setAttribute("viewBox", `0 0 ${this.#width} ${HEIGHT}`);
        fill(this.drawing, this.#axes({ end, span, top, left, right, low, x, y }),
            this.lines.map((line, index) => this.#line(line, this.#points[index] ?? [], x, y, low)), this.#underPointer(x, y, high, low));
    }

    /** @param {any} place */
    #axes({ end, span, top, left, right, low, x, y }) {
        const rows = Array.from({ length: top.steps + 1 }, (_, index) => index * top.step);
        const spacing = span / (right - left < 420 ? 2 : 4);
        const step = [10_000, 15_000, 30_000, 60_000].find((one) => one >= spacing) ?? 60_000;
        const times = Array.from({ length: span / step + 1 }, (_, index) => Math.floor(end / step) * step - index * step);
        return svg("g", { "aria-hidden": "true" },
            rows.map((value) => [
                svg(value === 0 ? "line.axis" : "line.grid", { x1: left, x2: right, y1: y(value), y2: y(value) }),
                svg("text", { x: left - 8, y: y(value) + 4, "text-anchor": "end" }, value === 0 ? "0" : this.format(value)),
            ]),
            times.filter((at) => x(at) >= left + 4 && x(at) <= right).map((at) => [
                svg("line.axis", { x1: x(at), x2: x(at), y1: low, y2: low + 4 }),
                svg("text", { x: Math.min(x(at), right - 22), y: low + 17, "text-anchor": "middle" }, clock(at)),
            ]));
    }

    /**
     * @param {Line} line @param {Point[]} points @param {(at: number) => number} x @param {(value: number) => number} y @param {number} low
     */
    #line(line, points, x, y, low) {
        const runs = runsOf(points.filter(([at]) => x(at) >= MARGIN.left));
        const place = (/** @type {Point} */ [at, value]) => `${x(at).toFixed(1)} ${y(value ?? 0).toFixed(1)}`;
        const path = (/** @type {Point[]} */ run) => `M${run.map(place).join("L")}`;
        return svg("g", { data: { series: line.series } }, runs.map((run) => [
            line.area && run.length > 1 && svg(
                "path.area",
                { d: `${path(run)}L${x(run.at(-1)?.[0] ?? 0).toFixed(1)} ${low}L${x(run[0][0]).toFixed(1)} ${low}Z` },
            ),
            run.length === 1 ? svg("circle", { cx: x(run[0][0]), cy: y(run[0][1] ?? 0), r: 1.5 }) : svg("path.line", { d: path(run) }),
        ]));
    }

    /** @param {(at: number) => number} x @param {(value: number) => number} y @param {number} high @param {number} low */
    #underPointer(x, y, high, low) {
        const all = this.#points[0] ?? [];
        if (this.#pointer === null || all.length === 0) {
            this.tip.hidden = true;
            return null;
        }
        const distance = (/** @type {number} */ index) => Math.abs(x(all[index][0]) - (this.#pointer ?? 0));
        const index = all.reduce((best, _, one) => (distance(one) < distance(best) ? one : best), 0);
        const at = all[index][0];
        const values = this.lines.map((line, place) => ({ line, value: this.#points[place]?.[index]?.[1] ?? null }));
        fill(this.tip, h("strong", {}, clock(at)), values.map(({ line, value }) =>
            h("div.legend", {},
                h("span", { data: { series: line.series } }, `${line.label} ${value === null ? "–" : this.format(value)}`),
            )));
        this.tip.hidden = false;
        this.tip.style.setProperty("--x", `${x(at)}px`);
        this.tip.style.setProperty("--shift", x(at) > this.#width / 2 ? "calc(-100% - 8px)" : "8px");
        return svg("g", { "aria-hidden": "true" }, svg("line.cursor", { x1: x(at), x2: x(at), y1: high, y2: low }),
            values.map(({ line, value }) => value !== null && svg(
                "circle",
                { data: { series: line.series }, cx: x(at), cy: y(value), r: 3 },
            )));
    }
}

/** Parts of a line between which nothing is known. @param {Point[]} points @returns {Point[][]} */
function runsOf(points) {
    const runs = [];
    let run = [];
    for (const point of points) {
        const isGap = run.length > 0 && point[0] - run.at(-1)[0] > 10_000;
        if (point[1] === null || isGap) {
            if (run.length) runs.push(run);
            run = [];
        }
        if (point[1] !== null) run.push(point);
    }
    return run.length ? [...runs, run] : runs;
}

/** A round number at or above the greatest value, in two to five round steps. @param {number} greatest */
export function scale(greatest) {
    const size = 10 ** Math.floor(Math.log10(greatest));
    const step = [0.2, 0.5, 1, 2, 2.5].map((one) => one * size).find((one) => greatest / one <= 5) ?? size * 2.5;
    const steps = Math.max(1, Math.ceil(greatest / step - 1e-9));
    return { step, steps, max: step * steps };
}
