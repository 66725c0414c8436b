// SPDX-License-Identifier: Apache-2.0

// What the keyboard does: on every page, and on this one.

import { h, append } from "../lib/dom.js";
import { allShortcuts } from "../lib/keys.js";
import { button } from "./parts.js";

/** Shows all shortcuts. */
export function showShortcuts() {
    const { lasting, ofPage } = allShortcuts();
    const list = (/** @type {import("../lib/keys.js").Shortcut[]} */ shortcuts) =>
        h("ul.shortcuts", {}, shortcuts.map(({ keys, about }) =>
            h("li", {}, h("span", {}, about), h("span", {}, keys.split(" ").map((key) => [h("kbd", {}, key), " "])))));
    const dialog = h("dialog.dialog", { "aria-label": "Keyboard shortcuts", onclose: () => dialog.remove() },
        h("form", { onsubmit: (/** @type {Event} */ event) => event.preventDefault() },
            h("h2", {}, "Keyboard"), list(lasting),
            ofPage.length > 0 && [h("h3", {}, "On this page"), list(ofPage)],
            h("div.dialog-foot", {}, button("Close", () => dialog.close()))));
    append(document.body, dialog);
    dialog.showModal();
}
