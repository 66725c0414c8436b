// SPDX-License-Identifier: Apache-2.0

// The navigation: every page, whether the server is reached, and what a person prefers.

import { h, svg, fill, setText } from "../lib/dom.js";
import * as activity from "../lib/activity.js";
import { setTheme, setUTC, theme, usesUTC } from "../lib/settings.js";
import { number, zone } from "../lib/format.js";
import { badge, button, segments } from "./parts.js";
import { showShortcuts } from "./shortcuts.js";

/** @typedef {{ label: string, href: string, key?: string }} Link */

/** Every page, in groups; `key` opens it behind `g`. @type {[string, Link[]][]} */
export const SECTIONS = [
    ["Now", [
        { label: "Home", href: "/ui/", key: "h" },
        { label: "Live", href: "/ui/live", key: "l" },
        { label: "Flow", href: "/ui/flow", key: "f" },
    ]],
    ["Events", [
        { label: "Topics", href: "/ui/topics", key: "t" },
        { label: "Find", href: "/ui/find", key: "i" },
        { label: "Events", href: "/ui/event-types", key: "n" },
        { label: "Schemas", href: "/ui/schemas", key: "m" },
        { label: "Rules", href: "/ui/rules", key: "r" },
        { label: "Schedules", href: "/ui/schedules", key: "c" },
    ]],
    ["Delivery", [
        { label: "Subscriptions", href: "/ui/subscriptions", key: "s" },
        { label: "Dead letters", href: "/ui/dead-letters", key: "d" },
        { label: "Attempts", href: "/ui/attempts", key: "a" },
        { label: "Bottlenecks", href: "/ui/bottlenecks", key: "k" },
        { label: "Consumer groups", href: "/ui/groups", key: "o" },
        { label: "Bridges", href: "/ui/bridges", key: "b" },
    ]],
    ["Server", [
        { label: "Clients", href: "/ui/clients", key: "u" },
        { label: "Settings", href: "/ui/settings", key: "e" },
    ]],
];

/** How the connection is. */
const WORDS = {
    live: "Connected", lost: "Connection lost, trying again", waiting: "Connecting", token: "Token wanted",
    refused: "Refused by the server",
};

/** Apus, the swift. */
const bird = () => svg("svg", { viewBox: "0 0 32 32", "aria-hidden": "true" },
    svg("path", { fill: "currentColor", d: "M1 9c6-1 11 1 14.500 5.500C19 9.500 24.500 6.500 31 7c-5.500 1.500-9.500 4.500-11.500 9 1 2.500 1.500 5.500 1 9.500-1-2.500-2.500-4.500-4.500-6-2 1.500-3.500 3.500-4.500 6-.5-3.500 0-6.500 1-9C10.500 12.500 6.500 10 1 9z" }));

/** @param {{ showAnew: () => void, giveToken: () => void }} acts what to do when times have to be written anew, and when somebody has a token */
export function sidebar({ showAnew, giveToken }) {
    const links = SECTIONS.flatMap(([, group]) => group).map((link) => ({
        link,
        element: h("a", { href: link.href }, h("span", {}, link.label)),
    }));
    const element = (/** @type {Link} */ link) => links.find((one) => one.link === link)?.element;
    const letters = h("span");
    element(SECTIONS[2][1][1])?.append(letters);
    const word = h("span", { role: "status" });
    const ask = button("Give it", giveToken, { compact: true, label: "Give the token" });
    const pulse = h("div.pulse", {}, word, ask);
    activity.watch(() => {
        const state = activity.connection();
        pulse.dataset.state = state;
        setText(word, WORDS[state]);
        ask.hidden = state !== "token";
        const count = activity.latest()?.dead_letters ?? 0;
        if (letters.textContent !== (count ? number(count) : "")) fill(letters, count > 0 && badge(number(count), "bad"));
    }, new AbortController().signal);
    const side = h("header.sidebar", {},
        h("a.brand", { href: "/ui/", "aria-label": "Apus, home" }, bird(), h("span", {}, "Apus")),
        h("nav.nav", { "aria-label": "Pages" }, SECTIONS.map(([label, group]) =>
            h("div.nav-group", {}, h("div.nav-label", {}, label), group.map(element)))),
        h("div.sidebar-foot", {}, pulse,
            h("div.row", {},
                segments("Theme", [["auto", "Auto"], ["light", "Light"], ["dark", "Dark"]], theme(), setTheme)),
            h("div.row", { title: `Times on these pages are of ${zone()}` },
                segments("Clock", [["local", "Local"], ["utc", "UTC"]], usesUTC() ? "utc" : "local", (value) => {
                    setUTC(value === "utc");
                    showAnew();
                }),
                button("?", showShortcuts, { kind: "quiet", compact: true, label: "Keyboard shortcuts" }))));
    return {
        element: side,
        /** Shows which page is open. @param {string} path */
        mark(path) {
            const section = `/ui/${path.split("/")[1] ?? ""}`;
            for (const { link, element } of links) {
                if (link.href === section) {
                    element.setAttribute("aria-current", "page");
                    element.scrollIntoView({ block: "nearest", inline: "nearest" });
                } else {
                    element.removeAttribute("aria-current");
                }
            }
        },
    };
}
