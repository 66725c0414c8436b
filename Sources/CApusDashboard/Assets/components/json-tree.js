// SPDX-License-Identifier: Apache-2.0

// A value of JSON as a tree that opens and closes. Long lists are shown in pieces, so that no event can stop a browser.

import { h, append } from "../lib/dom.js";
import { rawNumber } from "../lib/json-text.js";
import { button } from "./parts.js";

/** How many members are shown at once. */
const SHOWN = 100;
/** How many levels are open at first. */
const OPEN = 3;

/** @param {unknown} value */
export const jsonTree = (value) => h("div.tree", {}, node(null, value, 0));

/** @param {string | null} key @param {unknown} value @param {number} depth @returns {Element} */
function node(key, value, depth) {
    const name = key === null ? null : [h("span.key", {}, key), ": "];
    const figure = rawNumber(value);
    if (figure !== undefined) return h("div.leaf", {}, name, h("span", { data: { kind: "number" } }, figure));
    if (value === null || typeof value !== "object") return h("div.leaf", {}, name, leaf(value));
    const members = Array.isArray(value) ? value.map((one, index) => [String(index), one]) : Object.entries(value);
    const [open, close] = Array.isArray(value) ? ["[", "]"] : ["{", "}"];
    if (members.length === 0) return h("div.leaf", {}, name, open, close);
    const inside = h("div");
    const element = h("details", {
        open: depth < OPEN,
        ontoggle: () => element.open && inside.children.length === 0 && more(inside, members, 0, depth),
    }, h("summary", {}, name, open, h("span.faint", {}, ` ${members.length} `), close), inside);
    if (depth < OPEN) more(inside, members, 0, depth);
    return element;
}

/** @param {Element} place @param {[string, unknown][]} members @param {number} from @param {number} depth */
function more(place, members, from, depth) {
    const end = Math.min(from + SHOWN, members.length);
    append(place, members.slice(from, end).map(([name, one]) => node(name, one, depth + 1)));
    if (end === members.length) return;
    const next = button(`${members.length - end} more`, () => (next.remove(), more(place, members, end, depth)), { compact: true });
    append(place, next);
}

/** @param {unknown} value */
function leaf(value) {
    if (typeof value === "string") return h("span", { data: { kind: "string" } }, JSON.stringify(value));
    return h("span", { data: { kind: typeof value === "number" ? "number" : "literal" } }, String(value));
}
