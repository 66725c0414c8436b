// SPDX-License-Identifier: Apache-2.0

// Elements made from code. Text becomes text and never markup: there is no way here to make an element out of a string, so that no event,
// whatever is in it, can put anything into a page.

/** @typedef {Node | string | number | null | undefined | false} Child */
/** @typedef {Record<string, unknown>} Properties */

const SVG = "http://www.w3.org/2000/svg";

/**
 * An element: `h("a.button", { href: "/ui/" }, "Home")`.
 * Properties that begin with `on` are listeners, `style` is an object of CSS properties, `data` one of data attributes; all others are attributes,
 * which are left out when they are null or false.
 * @param {string} selector a tag, with classes behind dots
 * @param {Properties} [properties]
 * @param {...(Child | Child[])} children
 * @returns {any}
 */
export function h(selector, properties, ...children) {
    const [tag, ...classes] = selector.split(".");
    const element = document.createElement(tag || "div");
    if (classes.length) element.className = classes.join(" ");
    return furnish(element, properties, children);
}

/**
 * The same for SVG.
 * @param {string} selector
 * @param {Properties} [properties]
 * @param {...(Child | Child[])} children
 * @returns {any}
 */
export function svg(selector, properties, ...children) {
    const [tag, ...classes] = selector.split(".");
    const element = document.createElementNS(SVG, tag);
    if (classes.length) element.setAttribute("class", classes.join(" "));
    return furnish(element, properties, children);
}

/** @param {any} element @param {Properties | undefined} properties @param {(Child | Child[])[]} children */
function furnish(element, properties, children) {
    for (const [name, value] of Object.entries(properties ?? {})) {
        if (value === null || value === undefined || value === false) continue;
        if (name.startsWith("on")) {
            element.addEventListener(name.slice(2), value);
        } else if (name === "style") {
            for (const [key, text] of Object.entries(/** @type {object} */ (value))) element.style.setProperty(key, text);
        } else if (name === "data") {
            for (const [key, text] of Object.entries(/** @type {object} */ (value))) {
                if (text !== null && text !== undefined) element.dataset[key] = text;
            }
        } else if (name === "value") {
            element.value = value;
        } else {
            element.setAttribute(name, value === true ? "" : String(value));
        }
    }
    append(element, children);
    return element;
}

/** @param {Element} element @param {(Child | Child[])[]} children */
export function append(element, ...children) {
    for (const child of children.flat(Infinity)) {
        if (child === null || child === undefined || child === false) continue;
        element.append(child instanceof Node ? child : String(child));
    }
}

/**
 * Puts other children into an element.
 * @param {Element} element @param {...(Child | Child[])} children
 */
export function fill(element, ...children) {
    element.replaceChildren();
    append(element, children);
}

/**
 * Sets text only where it differs, so that a selection in it survives.
 * @param {Node} node @param {string} text
 */
export function setText(node, text) {
    if (node.textContent !== text) node.textContent = text;
}
