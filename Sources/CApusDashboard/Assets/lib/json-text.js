// SPDX-License-Identifier: Apache-2.0

// JSON of events, read so that no figure changes, and written for people who edit it: what fits on a line stays on one.

const WIDTH = 64;

/** What browsers have for numbers that JavaScript has none for; those that have not round them. */
const { rawJSON, isRawJSON } = /** @type {any} */ (JSON);

/** Digits that no double has. */
const TOO_LONG = 18;

/**
 * Whether a number would be written otherwise than it was read: whole ones beyond 2⁵³, and those with more digits than a double has.
 * @param {number} value @param {string} source
 */
const isRounded = (value, source) => (/^-?[0-9]+$/.test(source) ? !Number.isSafeInteger(value)
    : source.replace(/e.*$/i, "").replace(/[^0-9]/g, "").replace(/^0+/, "").length >= TOO_LONG);

/** Reads JSON; a number that would be rounded stays as it is written. @param {string} text @returns {any} */
export function parseJSON(text) {
    if (!rawJSON) return JSON.parse(text);
    return /** @type {any} */ (JSON).parse(text, (/** @type {string} */ _, /** @type {unknown} */ value, /** @type {any} */ { source }) =>
        (typeof value === "number" && isRounded(value, source) ? rawJSON(source) : value));
}

/** A number that stays as it is written, as text; undefined for everything else. @param {unknown} value @returns {string | undefined} */
export const rawNumber = (value) => (isRawJSON?.(value) ? JSON.stringify(value) : undefined);

/** @param {unknown} value */
const isPlain = (value) => value === null || typeof value !== "object" || rawNumber(value) !== undefined;

/** @param {unknown} value @param {string} [indent] @returns {string} */
export function jsonText(value, indent = "") {
    const short = oneLine(value);
    if (isPlain(value) || indent.length + short.length <= WIDTH) return short;
    const deeper = `${indent}  `;
    const inside = Array.isArray(value)
        ? value.map((one) => deeper + jsonText(one, deeper))
        : Object.entries(/** @type {object} */ (value)).map(([name, one]) => `${deeper}${JSON.stringify(name)}: ${jsonText(one, deeper)}`);
    const [open, close] = Array.isArray(value) ? ["[", "]"] : ["{", "}"];
    return `${open}\n${inside.join(",\n")}\n${indent}${close}`;
}

/** @param {unknown} value @returns {string} */
function oneLine(value) {
    if (Array.isArray(value)) return `[${value.map(oneLine).join(", ")}]`;
    if (isPlain(value)) return JSON.stringify(value);
    return `{${Object.entries(/** @type {object} */ (value)).map(([name, one]) => `${JSON.stringify(name)}: ${oneLine(one)}`).join(", ")}}`;
}
