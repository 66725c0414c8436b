// SPDX-License-Identifier: Apache-2.0

// Text that people copy: command lines, and blocks of what machines wrote.

import { h, append } from "../lib/dom.js";
import { toast } from "./toast.js";
import { button } from "./parts.js";

/** Copies text, and says so. @param {string} text */
export async function copy(text) {
    try {
        await navigator.clipboard.writeText(text);
        toast("Copied.");
    } catch {
        // Pages that came by plain HTTP from another machine may not.
        const place = h("textarea.input.code", { rows: 8, readonly: true, spellcheck: "false", "aria-label": "What is to be copied" });
        place.value = text;
        const dialog = h("dialog.dialog", { "aria-label": "Copy by hand", onclose: () => dialog.remove() },
            h("h2", {}, "Copy by hand"),
            h("p.soft", {}, "The browser does not let this page copy, because it came by plain HTTP from another machine. The text is selected."),
            place, h("div.dialog-foot", {}, button("Done", () => dialog.close())));
        append(document.body, dialog);
        dialog.showModal();
        place.select();
    }
}

/** A line for a shell, with a button that copies it. @param {string} text @param {{ prompt?: boolean }} [options] */
export function codeLine(text, { prompt = true } = {}) {
    return h("div.code-line", {}, h("code", {}, prompt && h("span.prompt", {}, "$ "), text),
        button("Copy", () => copy(text), { kind: "quiet", compact: true, label: `Copy: ${text.slice(0, 80)}` }));
}

/** The line that does the same as a page's action. @param {string} line */
export const sameInShell = (line) => h("div.stack", { data: { cli: line } }, h("p.small.faint", {}, "The same in a shell"), codeLine(line));

/** @param {string} text */
export const codeBlock = (text) => h("pre.code-block", { tabindex: 0 }, text);
