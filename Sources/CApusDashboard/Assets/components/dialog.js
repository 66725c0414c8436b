// SPDX-License-Identifier: Apache-2.0

// Dialogs: a question with fields, which stays open with the reason when it could not be done, and a confirmation that is typed where
// something is lost for good.

import { h, append, fill } from "../lib/dom.js";
import { button, field } from "./parts.js";
import { sameInShell } from "./code.js";

/** @typedef {import("../lib/dom.js").Child} Child */

/**
 * Opens a dialog; closes when `act` is done, unless that returns false.
 * @param {object} options
 * @param {string} options.title
 * @param {Child | Child[]} options.body
 * @param {string} options.label of the button that does it
 * @param {"main" | "destroy"} [options.kind]
 * @param {() => Promise<void | false>} options.act its errors are shown in the dialog
 * @param {() => string | null} [options.line] the command that does the same; told anew whenever something is typed
 * @param {() => boolean} [options.isReady] whether it can be done as the fields are
 * @param {() => void} [options.cancelled]
 */
export function openDialog({ title, body, label, kind = "main", act, line, isReady = () => true, cancelled = () => {} }) {
    const problem = h("div.problem", { role: "alert", hidden: true });
    const shell = h("div");
    const main = h("button.button", { type: "submit", data: { kind } }, label);
    let isDone = false;
    /** @type {string | null} */
    let shown = null;
    const close = () => dialog.close();
    const away = button("Cancel", close);
    const form = h("form", {
        onsubmit: async (/** @type {Event} */ event) => {
            event.preventDefault();
            if (!isReady()) return;
            main.disabled = true;
            problem.hidden = true;
            try {
                if (await act() === false) {
                    away.textContent = "Done";
                } else {
                    isDone = true;
                    close();
                }
            } catch (error) {
                fill(problem, error.message, error.hint && h("p.small", {}, error.hint));
                problem.hidden = false;
            }
            refresh();
        },
    }, h("h2", {}, title), body, shell, problem, h("div.dialog-foot", {}, away, main));
    const dialog = h("dialog.dialog", {
        "aria-label": title, oninput: () => refresh(),
        onclose: () => {
            dialog.remove();
            if (!isDone) cancelled();
        },
    }, form);
    const refresh = () => {
        main.disabled = !isReady();
        const text = line?.() ?? null;
        // Anew only when it changes: the focus may be in it.
        if (text === shown) return;
        shown = text;
        fill(shell, text !== null && sameInShell(text));
    };
    append(document.body, dialog);
    refresh();
    dialog.showModal();
    return { close, refresh };
}

/**
 * Asks to type a name before something is lost for good.
 * @param {object} options
 * @param {string} options.title
 * @param {Child | Child[]} options.body what is lost
 * @param {string} options.word what has to be typed
 * @param {string} options.label
 * @param {string | (() => string)} options.line
 * @param {() => Promise<void>} options.act
 */
export function confirmByTyping({ title, body, word, label, line, act }) {
    const input = h("input.input.code", { autocomplete: "off", spellcheck: "false" });
    openDialog({
        title, label, kind: "destroy", act, line: typeof line === "string" ? () => line : line, isReady: () => input.value === word,
        body: [h("div.stack", {}, body), field(`Type ${word} to confirm`, input)],
    });
}
