// SPDX-License-Identifier: Apache-2.0

// Who feeds whom: topics, the rules between them, and where events leave. The width of a line is its rate, red is what fails.

import { h, svg, fill } from "../lib/dom.js";
import { get, queryText } from "../lib/api.js";
import { counted, number, rate } from "../lib/format.js";
import { Rates } from "../lib/rates.js";
import { badge, empty, linkButton, page, panel } from "../components/parts.js";
import { rulePath, targetName } from "./rules.js";
import { isFailing, stateBadge, subscriptionPath } from "./subscriptions.js";
import { topicPath } from "./topics.js";

/** More rules, or subscriptions, are not drawn: nobody could read it. */
const DRAWN = 60;
/** Among how many rules, by name, those are looked for. */
const LOOKED = 1000;
const WIDTH = 196;
const HEIGHT = 44;
const GAP = { x: 68, y: 16 };

/** @typedef {{ id: string, label: string, note: string, href: string | null, isBad: boolean }} Node */
/** @typedef {{ from: string, to: string, rate: number | null, isBad: boolean }} Edge */

/** @type {import("../lib/router.js").PageMaker} */
export async function flow(context) {
    const focus = context.query.get("topic") ?? "";
    const rates = new Rates();
    const drawing = h("div.table-wrap");
    const note = h("span");
    await context.every(5000, async () => {
        const { rules, subscriptions, hidden } = chosen(await (focus ? around(focus, context.signal) : everything(context.signal)), rates);
        const graph = graphOf(rules, subscriptions, rates);
        fill(drawing, graph.nodes.length ? draw(graph) : nothing(focus));
        fill(note, hidden.length > 0 && badge(`${hidden.join(" and ")} not drawn`, "info",
            "What fails is drawn first, then what moves most. Name a topic to see what is around it."));
    });
    const input = h("input.input", {
        type: "search", value: focus, placeholder: "Only around a topic", "aria-label": "Only around a topic", title: "Press / to come here",
        data: { search: "true" }, autocomplete: "off", spellcheck: "false",
        onchange: () => context.go(`/ui/flow${queryText({ topic: input.value.trim() })}`),
    });
    return {
        title: "Flow",
        element: page({
            title: "Flow",
            badges: [note],
            about: "Topics, the rules between them, and where events leave. Blue lines move now, red ones fail.",
        },
            panel(null, { flush: true },
                h("div.panel-head", {}, h("div.toolbar", {}, input, focus && h("a.small", { href: "/ui/flow" }, "show all"))),
                h("div.panel-body", {}, drawing))),
    };
}

/** @param {string} focus the topic that was asked for */
const nothing = (focus) => (focus
    ? empty(`Nothing flows into or out of ${focus}.`, h("p", {}, "No rule and no subscription is of this topic."))
    : empty("Nothing flows anywhere yet.",
        h("p", {},
            "Rules and subscriptions appear here as soon as there are any: topics on the left, what becomes of their events on the right.",
        ),
        linkButton("Make a rule", "/ui/rules/new", "main")));

/** @typedef {{ rules: any[], subscriptions: any[], count: { rules: number, subscriptions: number } }} Found what may be drawn, of how many */

/** The server puts subscriptions in order, however many there are. @param {AbortSignal} signal @returns {Promise<Found>} */
async function everything(signal) {
    const by = (/** @type {string} */ sort) => get("/v1/bottlenecks", { sort, limit: DRAWN }, { signal });
    const [{ rules }, status, ...lists] = await Promise.all([
        // A receiver that is left alone fails no more, and what is for it waits.
        get("/v1/rules", { limit: LOOKED }, { signal }), get("/v1/status", {}, { signal }), by("failed"), by("backlog"), by("service")]);
    const subscriptions = new Map(lists.flatMap((list) => list.subscriptions).map((one) => [one.name, one]));
    return { rules, subscriptions: [...subscriptions.values()], count: status };
}

/** What goes out of a topic and what comes into it. @param {string} topic @param {AbortSignal} signal @returns {Promise<Found>} */
async function around(topic, signal) {
    const [all, own] = await Promise.all([
        get("/v1/rules", { limit: LOOKED }, { signal }),
        get("/v1/subscriptions", { topic, limit: LOOKED }, { signal }).catch((error) => {
            // A topic of that name there need not be.
            if (error.status === 404) return { subscriptions: [] };
            throw error;
        })]);
    const rules = all.rules.filter((/** @type {any} */ rule) => rule.topic === topic
        || rule.targets.some((/** @type {any} */ target) => target.topic && targetName(target) === topic));
    return { rules, subscriptions: own.subscriptions, count: { rules: rules.length, subscriptions: own.subscriptions.length } };
}

/** Whether something is wrong with a subscription. @param {any} one */
const isBadly = (one) => isFailing(one) || one.waiting > 0;

/**
 * What is drawn: what fails first, then what moves most; and what is not.
 * @param {Found} found @param {Rates} rates
 */
function chosen(found, rates) {
    const named = (/** @type {string} */ kind, /** @type {any[]} */ list) => list.map((one) => ({ ...one, name: `${kind} ${one.name}` }));
    rates.note([...named("rule", found.rules), ...named("subscription", found.subscriptions)], ["matches", "delivered"]);
    const rules = ordered(found.rules, (one) => rates.of(`rule ${one.name}`, "matches") ?? 0);
    const subscriptions = ordered(found.subscriptions, (one) => (isBadly(one) ? Infinity : one.rates?.delivered["1m"] ?? 0));
    const hidden = [[found.count.rules - rules.length, "rule"], [found.count.subscriptions - subscriptions.length, "subscription"]];
    return {
        rules, subscriptions,
        hidden: hidden.filter(([count]) => Number(count) > 0).map(([count, kind]) => counted(Number(count), String(kind))),
    };
}

/** @param {any[]} list @param {(one: any) => number} weight */
const ordered = (list, weight) => list.map((one) => ({ one, weight: weight(one) }))
    .sort((left, right) => (left.weight === right.weight ? 0 : right.weight - left.weight) || left.one.name.localeCompare(right.one.name))
    .slice(0, DRAWN).map(({ one }) => one);

/** @param {any[]} rules @param {any[]} subscriptions @param {Rates} rates */
function graphOf(rules, subscriptions, rates) {
    /** @type {Map<string, Node>} */
    const nodes = new Map();
    /** @type {Edge[]} */
    const edges = [];
    const node = (/** @type {string} */ id, /** @type {Partial<Node>} */ made) => {
        if (!nodes.has(id)) nodes.set(id, { id, label: id, note: "", href: null, isBad: false, ...made });
        return id;
    };
    const topic = (/** @type {string} */ name) => node(`topic ${name}`, { label: name, note: "topic", href: topicPath(name) });
    for (const rule of rules) {
        const moved = rates.of(`rule ${rule.name}`, "matches");
        const from = node(
            `rule ${rule.name}`,
            { label: rule.name, note: `rule${rule.enabled ? "" : ", off"} · ${rate(moved)}`, href: rulePath(rule.name) },
        );
        edges.push({ from: topic(rule.topic), to: from, rate: moved, isBad: false });
        for (const target of rule.targets.filter((/** @type {any} */ one) => one.topic)) edges.push({
            from,
            to: topic(targetName(target)),
            rate: moved,
            isBad: false,
        });
    }
    for (const one of subscriptions) {
        const isBad = isBadly(one);
        const word = one.push ? "delivers" : one.kind;
        const to = node(
            `subscription ${one.name}`,
            {
                label: one.name,
                note: `${word} · ${number(one.backlog)} waiting · ${stateBadge(one).textContent}`,
                href: subscriptionPath(one.name),
                isBad,
            },
        );
        edges.push({
            from: one.rule ? node(`rule ${one.rule}`, { label: one.rule, href: rulePath(one.rule), note: "rule" }) : topic(one.topic),
            to,
            rate: rates.of(`subscription ${one.name}`, "delivered"),
            isBad,
        });
    }
    return { nodes: [...nodes.values()], edges };
}

/**
 * Columns by the longest way from a source; ways that go in a circle end after as many steps as there are nodes.
 * @param {{ nodes: Node[], edges: Edge[] }} graph
 */
function columnsOf({ nodes, edges }) {
    const column = new Map(nodes.map((node) => [node.id, 0]));
    for (let step = 0; step < Math.min(nodes.length, 12); step += 1) {
        let isDone = true;
        for (const { from, to } of edges) {
            const wanted = (column.get(from) ?? 0) + 1;
            if ((column.get(to) ?? 0) < wanted && wanted < 12) {
                column.set(to, wanted);
                isDone = false;
            }
        }
        if (isDone) break;
    }
    return column;
}

/** @param {{ nodes: Node[], edges: Edge[] }} graph */
function draw(graph) {
    const column = columnsOf(graph);
    /** @type {Map<string, { x: number, y: number }>} */
    const places = new Map();
    /** @type {number[]} */
    const filled = [];
    for (const node of [...graph.nodes].sort((left, right) => left.label.localeCompare(right.label))) {
        const at = column.get(node.id) ?? 0;
        const row = filled[at] ?? 0;
        filled[at] = row + 1;
        places.set(node.id, { x: 2 + at * (WIDTH + GAP.x), y: 2 + row * (HEIGHT + GAP.y) });
    }
    const width = 4 + filled.length * (WIDTH + GAP.x) - GAP.x;
    const height = 4 + Math.max(...filled.map((count) => count ?? 0)) * (HEIGHT + GAP.y) - GAP.y;
    const greatest = Math.max(1, ...graph.edges.map((edge) => edge.rate ?? 0));
    return svg("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": "Topics, rules and subscriptions" },
        graph.edges.map((edge) => {
            const [from, to] = [places.get(edge.from), places.get(edge.to)];
            if (!from || !to) return null;
            const [x1, y1, x2, y2] = [from.x + WIDTH, from.y + HEIGHT / 2, to.x, to.y + HEIGHT / 2];
            return svg("path.flow-edge", {
                d: `M${x1} ${y1}C${x1 + GAP.x / 2} ${y1} ${x2 - GAP.x / 2} ${y2} ${x2} ${y2}`, data: {
                    live: edge.rate ? "true" : null,
                    tone: edge.isBad ? "bad" : null,
                },
                "stroke-width": (1.25 + 4 * Math.sqrt((edge.rate ?? 0) / greatest)).toFixed(2),
            });
        }),
        graph.nodes.map((node) => {
            const { x, y } = /** @type {{ x: number, y: number }} */ (places.get(node.id));
            const label = node.label.length > 25 ? `${node.label.slice(0, 24)}…` : node.label;
            return svg("a", {
                href: node.href,
                "aria-label": `${node.label}, ${node.note}`,
            }, svg("g.flow-node", { data: { tone: node.isBad ? "bad" : null } },
                svg("title", {}, `${node.label}, ${node.note}`),
                svg("rect", { x, y, width: WIDTH, height: HEIGHT, rx: 6 }),
                svg("text", { x: x + 10, y: y + 18 }, label), svg("text.note", { x: x + 10, y: y + 34 }, node.note)));
        }));
}
