// SPDX-License-Identifier: Apache-2.0

// What a person prefers: theme and clock. Kept by the browser; a browser that keeps nothing gets the defaults.

/** @typedef {"auto" | "light" | "dark"} Theme */

/** @param {string} name @param {string} fallback */
function read(name, fallback) {
    try {
        return localStorage.getItem(`apus.${name}`) ?? fallback;
    } catch {
        return fallback;
    }
}

/** @param {string} name @param {string} value */
function write(name, value) {
    try {
        localStorage.setItem(`apus.${name}`, value);
    } catch {
        // It holds for this page then.
    }
}

let utc = read("clock", "local") === "utc";

/** Whether times are shown in UTC. */
export const usesUTC = () => utc;

/** @param {boolean} value */
export function setUTC(value) {
    utc = value;
    write("clock", value ? "utc" : "local");
}

/** @returns {Theme} */
export const theme = () => /** @type {Theme} */ (read("theme", "auto"));

/** @param {Theme} value */
export function setTheme(value) {
    write("theme", value);
    applyTheme();
}

/** Has the page look as preferred. */
export function applyTheme() {
    const value = theme();
    if (value === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = value;
}
