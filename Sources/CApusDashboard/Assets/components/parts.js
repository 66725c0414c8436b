// SPDX-License-Identifier: Apache-2.0

// The small parts that pages are made of: head of a page, panel, tile, badge, button, notice, facts, empty state, choice.

import { h, fill } from "../lib/dom.js";

/** @typedef {import("../lib/dom.js").Child} Child */
/** @typedef {"good" | "warn" | "bad" | "info" | undefined} Tone */

/**
 * A page: its head and what follows.
 * @param {{ title: string, crumbs?: [string, string][], badges?: Child[], about?: Child, actions?: Child[] }} head
 * @param {...(Child | Child[])} parts
 */
export function page({ title, crumbs = [], badges = [], about, actions = [] }, ...parts) {
    return h("div.page", {},
        h("header.page-head", {},
            h("div", {},
                crumbs.length > 0 && h("nav.crumbs", { "aria-label": "Where you are" },
                    crumbs.map(([label, href]) => [h("a", { href }, label), " / "]),
                ),
                h("div.title-line", {}, h("h1", { tabindex: -1 }, title), badges),
                about && h("p.soft", {}, about)),
            actions.length > 0 && h("div.actions", {}, actions)),
        parts);
}

/**
 * @param {Child} title
 * @param {{ aside?: Child | Child[], flush?: boolean, id?: string }} options
 * @param {...(Child | Child[])} children
 */
export function panel(title, { aside, flush = false, id } = {}, ...children) {
    return h("section.panel", { id },
        title && h("div.panel-head", {}, h("h2", {}, title), aside),
        h(flush ? "div.panel-body.flush" : "div.panel-body", {}, children));
}

/** @param {Child} text @param {Tone} [tone] @param {string} [title] */
export const badge = (text, tone, title) => h("span.badge", { data: { tone }, title }, text);

/**
 * @param {Child} label @param {(event: MouseEvent) => void} act
 * @param {{ kind?: "main" | "danger" | "destroy" | "quiet", compact?: boolean, title?: string, label?: string }} [options]
 */
export function button(label, act, { kind, compact = false, title, label: name } = {}) {
    return h(
        compact ? "button.button.compact" : "button.button",
        { type: "button", data: { kind }, title, "aria-label": name, onclick: act },
        label,
    );
}

/** A link that looks like a button. @param {Child} label @param {string} href @param {"main"} [kind] */
export const linkButton = (label, href, kind) => h("a.button", { href, data: { kind } }, label);

/** @param {Tone} tone @param {Child} title @param {...(Child | Child[])} children */
export const notice = (tone, title, ...children) =>
    h("div.notice", { data: { tone }, role: tone === "bad" ? "alert" : null }, h("div", {}, h("h3", {}, title), children));

/** Names and values. @param {[Child, Child | Child[]][]} pairs */
export const facts = (pairs) => h("dl.facts", {}, pairs.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));

/**
 * What a list shows when there is nothing: what would be there, and how it comes.
 * @param {string} title
 * @param {...(Child | Child[])} children
 */
export const empty = (title, ...children) => h("div.empty", {}, h("h3", {}, title), children);

/** A share as a bar with its figure. @param {number} share 0 to 1 @param {string} text @param {string} about @param {Tone} [tone] */
export const meter = (share, text, about, tone) => h("span.meter", { title: about, data: { tone } },
    h("span.meter-bar", { "aria-hidden": "true", style: { "--share": String(Math.min(1, Math.max(0, share))) } }), h("span", {}, text));

/** One figure with its unit, and a note below. */
export class Tile {
    /** @param {string} label @param {{ href?: string }} [options] */
    constructor(label, { href } = {}) {
        this.figure = h("span", {}, "–");
        this.unit = h("span.tile-unit");
        this.note = h("div.tile-note");
        this.element = h(href ? "a.tile" : "div.tile", { href }, h("div.tile-label", {}, label),
            h("div.tile-figure", {}, this.figure, this.unit), this.note);
    }

    /** @param {[string, string]} figure @param {Child | Child[]} note @param {Tone} [tone] */
    set([figure, unit], note, tone) {
        fill(this.figure, figure);
        fill(this.unit, unit);
        fill(this.note, note);
        this.note.title = this.note.textContent ?? "";
        if (tone) this.element.dataset.tone = tone;
        else delete this.element.dataset.tone;
    }
}

/**
 * One of a few, as buttons.
 * @template {string} Value
 * @param {string} name @param {[Value, string][]} choices @param {Value} chosen @param {(value: Value) => void} act
 */
export function segments(name, choices, chosen, act) {
    const group = h("div.segments", { role: "group", "aria-label": name });
    const show = (/** @type {Value} */ now) => fill(group, choices.map(([value, label]) =>
        h("button", { type: "button", "aria-pressed": String(value === now), onclick: () => (show(value), act(value)) }, label)));
    show(chosen);
    return group;
}

/** Tabs are links. @param {string} name @param {[label: string, href: string, isCurrent: boolean][]} links */
export const tabs = (name, links) =>
    h("nav.tabs", { "aria-label": name },
        links.map(([label, href, isCurrent]) => h("a", { href, "aria-current": isCurrent ? "page" : null }, label)),
    );

/** @param {string} label @param {any} input @param {Child} [hint] */
export function field(label, input, hint) {
    input.id ||= `field-${(field.count += 1)}`;
    return h("div.field", {}, h("label", { for: input.id }, label), input, hint && h("p.small.faint", {}, hint));
}
field.count = 0;

/**
 * A field to search a list with; tells what is searched for once typing pauses.
 * @param {string} label
 * @param {string} text
 * @param {(text: string) => void} act
 */
export function searchField(label, text, act) {
    let timer = 0;
    return h("input.input", {
        type: "search", title: "Press / to come here", placeholder: label, "aria-label": label, value: text,
        data: { search: "true" }, autocomplete: "off", spellcheck: "false",
        oninput: (/** @type {any} */ event) => {
            clearTimeout(timer);
            timer = setTimeout(() => act(event.target.value.trim()), 150);
        },
    });
}

/** @param {unknown} error */
export const errorNotice = (error) => {
    const problem = /** @type {any} */ (error);
    return notice("bad", problem?.message ?? String(error), problem?.hint && h("p.soft", {}, problem.hint));
};
