// SPDX-License-Identifier: Apache-2.0

// Who feeds whom: topics, the rules between them, and where events leave. The width of a line is its rate, red is what fails.

import { h, svg, fill } from "../lib/dom.js";
import { get } from "../lib/api.js";
import { number, rate } from "../lib/format.js";
import { Rates } from "../lib/rates.js";
import { badge, empty, linkButton, page, panel } from "../components/parts.js";
import { rulePath, targetName } from "./rules.js";
import { isFailing, stateBadge, subscriptionPath } from "./subscriptions.js";
import { topicPath } from "./topics.js";

/** More than these are not drawn: nobody could read it. */
const DRAWN = 60;
const WIDTH = 196;
const HEIGHT = 44;
const GAP = { x: 68, y: 16 };

/** @typedef {{ id: string, label: string, note: string, href: string | null, isBad: boolean }} Node */
/** @typedef {{ from: string, to: string, rate: number | null, isBad: boolean }} Edge */

/** @type {import("../lib/router.js").PageMaker} */
export async function flow(context) {
    const rates = new Rates();
    const drawing = h("div.table-wrap");
    const note = h("span");
    await context.every(2000, async () => {
        const [{ rules, next }, { subscriptions, next: more }] = await Promise.all([
            get("/v1/rules", { limit: DRAWN }, { signal: context.signal }), get(
                "/v1/subscriptions",
                { limit: DRAWN },
                { signal: context.signal },
            )]);
        rates.note([...rules.map((/** @type {any} */ one) => ({ ...one, name: `rule ${one.name}` })),
            ...subscriptions.map((/** @type {any} */ one) => ({ ...one, name: `subscription ${one.name}` }))], ["matches", "delivered"]);
        const graph = graphOf(rules, subscriptions, rates);
        fill(drawing, graph.nodes.length ? draw(graph) : empty("Nothing flows anywhere yet.",
            h("p", {},
                "Rules and subscriptions appear here as soon as there are any: topics on the left, what becomes of their events on the right.",
            ),
            linkButton("Make a rule", "/ui/rules/new", "main")));
        fill(note, (next || more) && badge(`the first ${DRAWN} rules and subscriptions`, "info"));
    });
    return {
        title: "Flow",
        element: page({
            title: "Flow",
            badges: [note],
            about: "Topics, the rules between them, and where events leave. Blue lines move now, red ones fail.",
        },
            panel(null, { flush: false }, drawing)),
    };
}

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
        const isBad = Boolean(isFailing(one)) || one.waiting > 0;
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
