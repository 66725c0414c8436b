// SPDX-License-Identifier: Apache-2.0

// Why a subscription is slow, in the server's words: the cause to begin with first, each with what speaks for it and what helps.

import { h } from "../lib/dom.js";
import { notice } from "./parts.js";

/** @param {string} text */
const sentence = (text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.:!?]$/.test(text) ? "" : "."}`;

/** @param {any} explanation */
export function causesOf({ causes, keys }) {
    const tones = /** @type {Record<string, any>} */ ({ error: "bad", warning: "warn", note: "info" });
    return causes.map((/** @type {any} */ one) => notice(
        tones[one.severity],
        sentence(one.finding),
        one.evidence.map((/** @type {string} */ seen) => h("p.soft", {}, sentence(seen))),
        one.cause === "hot_key" && keys.length > 1 && h("p.soft", {}, "Then come ", keys.slice(1, 4).map(
            (/** @type {any} */ key) => `${key.key} (${Math.round(100 * key.share)} %)`).join(", "), "."),
        h("p.soft", {}, sentence(one.hint)),
    ));
}
