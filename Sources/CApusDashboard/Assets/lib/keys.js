// SPDX-License-Identifier: Apache-2.0

// The keyboard. Single letters work where nobody types; `g` waits a second for the letter behind it.

/** @typedef {{ keys: string, about: string, act: () => void }} Shortcut `keys` as pressed: "j", "g t" */

/** @type {Shortcut[]} */
let lasting = [];
/** @type {Shortcut[]} */
let ofPage = [];
let prefix = "";
let prefixEnds = 0;

/** Shortcuts that hold on every page. @param {Shortcut[]} shortcuts */
export function startKeys(shortcuts) {
    lasting = shortcuts;
    document.addEventListener("keydown", press);
}

/** Shortcuts of the page that is shown. @param {Shortcut[]} shortcuts @param {AbortSignal} signal */
export function pageKeys(shortcuts, signal) {
    ofPage = [...ofPage, ...shortcuts];
    signal.addEventListener("abort", () => (ofPage = ofPage.filter((one) => !shortcuts.includes(one))), { once: true });
}

export const allShortcuts = () => ({ lasting, ofPage });

/** @param {KeyboardEvent} event */
function press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || document.querySelector("dialog[open]")) return;
    const keys = prefix && performance.now() < prefixEnds ? `${prefix} ${event.key}` : event.key;
    prefix = "";
    const found = [...ofPage, ...lasting].find((one) => one.keys === keys);
    if (found) {
        event.preventDefault();
        found.act();
    } else if (lasting.some((one) => one.keys.startsWith(`${event.key} `))) {
        prefix = event.key;
        prefixEnds = performance.now() + 1000;
    }
}

/** @param {EventTarget | null} target */
function isTyping(target) {
    return target instanceof Element && target.closest("input, textarea, select, [contenteditable]") !== null;
}
