// SPDX-License-Identifier: Apache-2.0

// The beginning of the dashboard: the frame around the pages, what every page can be reached by, and what holds on all of them.

import { h, append, fill } from "./lib/dom.js";
import { Router } from "./lib/router.js";
import { startKeys } from "./lib/keys.js";
import { applyTheme } from "./lib/settings.js";
import { askAgain, Problem, whenTokenIsThere, whenTokenIsWanted } from "./lib/api.js";
import * as activity from "./lib/activity.js";
import { sidebar, SECTIONS } from "./components/sidebar.js";
import { askForToken } from "./components/token.js";
import { showShortcuts } from "./components/shortcuts.js";
import { button, errorNotice, page, notice } from "./components/parts.js";
import { home } from "./pages/home.js";
import { live } from "./pages/live.js";
import { topics } from "./pages/topics.js";
import { topic } from "./pages/topic.js";
import { event } from "./pages/event.js";
import { find } from "./pages/find.js";
import { eventTypes, eventType } from "./pages/event-types.js";
import { bottlenecks } from "./pages/bottlenecks.js";
import { schemas, schema } from "./pages/schemas.js";
import { subscriptions } from "./pages/subscriptions.js";
import { subscription } from "./pages/subscription.js";
import { attempts } from "./pages/attempts.js";
import { deadLetters } from "./pages/dead-letters.js";
import { rules } from "./pages/rules.js";
import { rule } from "./pages/rule.js";
import { schedules } from "./pages/schedules.js";
import { groups, group } from "./pages/groups.js";
import { clients } from "./pages/clients.js";
import { bridges } from "./pages/bridges.js";
import { flow } from "./pages/flow.js";
import { settings } from "./pages/settings.js";

applyTheme();
whenTokenIsWanted(askForToken);
// What is live goes on, whoever asked for the token that it lacked.
whenTokenIsThere(() => {
    if (activity.connection() === "token") activity.open();
});

/** @type {[string, import("./lib/router.js").PageMaker][]} */
const routes = [
    ["/", home],
    ["/live", live],
    ["/topics", topics],
    ["/topics/*", topic],
    ["/topics/*/*/*", event],
    ["/find", find],
    ["/event-types", eventTypes],
    ["/event-types/*", eventType],
    ["/bottlenecks", bottlenecks],
    ["/schemas", schemas],
    ["/schemas/*", schema],
    ["/subscriptions", subscriptions],
    ["/subscriptions/*", subscription],
    ["/attempts", attempts],
    ["/dead-letters", deadLetters],
    ["/rules", rules],
    ["/rules/*", rule],
    ["/schedules", schedules],
    ["/groups", groups],
    ["/groups/*", group],
    ["/bridges", bridges],
    ["/clients", clients],
    ["/flow", flow],
    ["/settings", settings],
];

const main = h("main.main", { id: "main", tabindex: -1 });

const router = new Router(routes, {
    missing: () => ({
        title: "No such page",
        element: page({ title: "There is no such page" }, notice("info", "The address leads nowhere.",
            h("p.soft", {}, "The navigation has every page; press ", h("kbd", {}, "?"), " to see how to get around by keyboard."))),
    }),
    failed: (error) => ({
        title: "Error",
        element: page({ title: "This cannot be shown" }, errorNotice(error),
            error instanceof Problem && error.status === 401 && h("div", {}, button("Give the token", giveToken, { kind: "main" }))),
    }),
    show: ({ title, element }, path) => {
        // A page that shows itself anew keeps focus and place.
        const isSamePage = main.dataset.path === path;
        main.dataset.path = path;
        fill(main, element);
        document.title = `${title} · Apus`;
        frame.mark(path);
        if (!isSamePage) main.querySelector("h1")?.focus({ preventScroll: true });
    },
});

/** Once there is a token, all is had that could not be had without. */
async function giveToken() {
    if (await askAgain()) router.open();
}

const frame = sidebar({ showAnew: () => void router.open(), giveToken });
// What the document shows until its program runs.
document.querySelector(".starting")?.remove();
append(document.body, h("a.skip", { href: "#main" }, "To the page"), h("div.shell", {}, frame.element, main));

startKeys([
    { keys: "/", about: "Search", act: () => /** @type {any} */ (document.querySelector("[data-search]"))?.focus() },
    { keys: "?", about: "Show this help", act: showShortcuts },
    ...SECTIONS.flatMap(([, links]) => links).filter((link) => link.key).map((link) => ({
        keys: `g ${link.key}`, about: `Go to ${link.label}`, act: () => router.go(link.href),
    })),
]);
document.addEventListener("keydown", (press) => {
    if (press.key !== "Escape" || !(press.target instanceof HTMLInputElement) || !press.target.dataset.search) return;
    // The browser would empty the field, and the list would still be of what was in it.
    press.preventDefault();
    press.target.blur();
});

activity.start();
router.start();
