// SPDX-License-Identifier: Apache-2.0

// JSON for people who edit it: what fits on a line stays on one.

const WIDTH = 64;

/** @param {unknown} value @param {string} [indent] @returns {string} */
export function jsonText(value, indent = "") {
    const short = oneLine(value);
    if (value === null || typeof value !== "object" || indent.length + short.length <= WIDTH) return short;
    const deeper = `${indent}  `;
    const inside = Array.isArray(value)
        ? value.map((one) => deeper + jsonText(one, deeper))
        : Object.entries(value).map(([name, one]) => `${deeper}${JSON.stringify(name)}: ${jsonText(one, deeper)}`);
    const [open, close] = Array.isArray(value) ? ["[", "]"] : ["{", "}"];
    return `${open}\n${inside.join(",\n")}\n${indent}${close}`;
}

/** @param {unknown} value @returns {string} */
function oneLine(value) {
    if (Array.isArray(value)) return `[${value.map(oneLine).join(", ")}]`;
    if (value === null || typeof value !== "object") return JSON.stringify(value);
    return `{${Object.entries(value).map(([name, one]) => `${JSON.stringify(name)}: ${oneLine(one)}`).join(", ")}}`;
}
