// SPDX-License-Identifier: Apache-2.0

// What has happened, said in a corner and gone after a while; read out by screen readers.

import { h, append } from "../lib/dom.js";

/** @type {HTMLElement | null} */
let place = null;

/** @param {string} text @param {"good" | "bad"} [tone] */
export function toast(text, tone = "good") {
    if (!place) {
        place = h("div.toasts", { role: "status", "aria-live": "polite" });
        append(document.body, place);
    }
    const element = h("div.toast", { data: { tone } }, text);
    append(/** @type {any} */ (place), element);
    setTimeout(() => element.remove(), tone === "bad" ? 10_000 : 4_000);
}

/**
 * Does something and says how it went.
 * @template Value
 * @param {() => Promise<Value>} work @param {string | ((value: Value) => string)} done
 * @returns {Promise<Value | undefined>}
 */
export async function attempt(work, done) {
    try {
        const value = await work();
        toast(typeof done === "string" ? done : done(value));
        return value;
    } catch (error) {
        toast(`${error.message}${error.hint ? ` – ${error.hint}` : ""}`, "bad");
        return undefined;
    }
}
