// SPDX-License-Identifier: Apache-2.0

// Where it is tight: what every subscription gets, does and still has to do, why those that are slow are slow, and what else holds things up.

import { h, fill } from "../lib/dom.js";
import { get, part } from "../lib/api.js";
import { age, bytes, counted, duration, durationScaled, number, rate, scaled, seconds } from "../lib/format.js";
import { commandLine } from "../lib/shell-quote.js";
import { badge, empty, meter, notice, page, panel, searchField, Tile } from "../components/parts.js";
import { sameInShell } from "../components/code.js";
import { causesOf } from "../components/causes.js";
import { Table } from "../components/table.js";
import { rulePath } from "./rules.js";
import { stateBadge, subscriptionPath } from "./subscriptions.js";
import { topicPath } from "./topics.js";

/** How many subscriptions are listed. */
const SHOWN = 20;
/** Of how many it is asked why they are slow. */
const EXPLAINED = 5;

/** Which share of what waits makes a key a hot one. */
const HOT = 0.2;

/** What subscriptions are put in order by. @type {[string, string][]} */
const ORDERS = [
    ["backlog", "most waiting"], ["age", "oldest event"], ["utilisation", "busiest"], ["failed", "most failures"],
    ["arrival", "most arriving"], ["service", "most done"], ["name", "name"],
];

/** @param {number} share */
const percent = (share) => `${Math.round(100 * share)} %`;

/** @param {string} name */
const subscriptionLink = (name) => h("a", { href: subscriptionPath(name) }, name);

/** @param {any} one */
const topicLink = (one) => h("a", { href: topicPath(one.topic) }, one.topic);

/** When what waits will be done. @param {any} one */
function drain(one) {
    if (one.backlog === 0) return h("span.faint", {}, "nothing waits");
    if (one.rates === null) return "–";
    if (one.rates.dead_lettered["1m"] > one.rates.service["1m"]) return badge("given up", "bad", "Most events end as dead letters");
    return one.rates.drain ? duration(seconds(one.rates.drain)) : badge("grows or stands", "warn", "It does not become less at these rates");
}

/** How much of what may be out is. @param {any} one */
function busy(one) {
    const share = one.rates?.utilisation;
    if (share === null || share === undefined) return "–";
    const room = `${number(Math.round(one.rates.in_flight["1m"]))} of ${number(one.rates.room)} that may be in flight`;
    return meter(share, percent(share), room, share > 0.9 ? "warn" : undefined);
}

/** @param {import("../lib/router.js").Context} context @param {() => string} searched */
const subscriptionTable = (context, searched) => new Table({
    label: "Subscriptions by their load", key: (one) => one.name, href: (one) => subscriptionPath(one.name),
    columns: [
        { label: "Subscription", kind: "name", cell: (one) => subscriptionLink(one.name) },
        { label: "State", kind: "tight", cell: stateBadge },
        { label: "Waiting", kind: "end", cell: (one) => number(one.backlog) },
        { label: "Arriving", kind: "end", cell: (one) => rate(one.rates?.arrival["1m"]) },
        { label: "Done", kind: "end", cell: (one) => rate(one.rates?.service["1m"]) },
        { label: "Failing", kind: "end spare", cell: (one) => rate(one.rates?.failed["1m"]) },
        { label: "Busy", kind: "tight spare", cell: busy },
        { label: "Time to drain", kind: "end", cell: drain },
        { label: "Oldest", kind: "end spare", cell: (one) => age(one.oldest_unsettled) },
    ],
    empty: () => searched()
        ? empty(`No subscription has “${searched()}” in its name.`)
        : empty("There are no subscriptions yet.", h("p", {}, "Nothing is read, so nothing can be slow.")),
}).withKeys(context.signal, context.go);

/** Tables beside each other. */
const partsOf = () => ({
    targets: new Table({
        label: "Slowest receivers", key: (one) => one.subscription,
        columns: [
            { label: "Of subscription", kind: "name", cell: (one) => subscriptionLink(one.subscription) },
            { label: "An event is out for", kind: "end", cell: (one) => duration(seconds(one.time_in_flight)) },
            {
                label: "Failing", kind: "end", cell: (one) => one.failing > 0
                    ? h("span.tone", { data: { tone: one.failing > 0.5 ? "bad" : "warn" } }, percent(one.failing)) : "0 %",
            },
            { label: "Busy", kind: "end", cell: (one) => (one.utilisation === null ? "–" : percent(one.utilisation)) },
        ],
        empty: () => empty("No receiver is at work.", h("p", {}, "Receivers of push subscriptions and of rules, those that take longest first.")),
    }),
    keys: new Table({
        label: "Hottest keys", key: (one) => `${one.subscription}\n${one.key}`,
        columns: [
            { label: "Key", kind: "name", cell: (one) => one.key },
            { label: "Waits for", kind: "clip", cell: (one) => subscriptionLink(one.subscription) },
            { label: "Of what waits", kind: "tight", cell: (one) => meter(one.share, percent(one.share), "of the first 500 events that wait") },
        ],
        empty: () => empty("No key stands out.", h("p", {}, "Keys are looked for among the first events that wait for the subscriptions above.")),
    }),
    partitions: new Table({
        label: "Hottest partitions", key: (one) => `${one.topic}/${one.partition}`,
        columns: [
            { label: "Topic", kind: "name", cell: topicLink },
            { label: "Partition", kind: "end", cell: (one) => one.partition },
            { label: "Arriving", kind: "end", cell: (one) => rate(one.arrival["1m"]) },
            { label: "Of its topic", kind: "tight", cell: (one) => meter(one.share, percent(one.share), "of its topic's events of five minutes") },
        ],
        empty: () => empty("Nothing arrives.", h("p", {}, "The partitions that get most of what is published, the busiest first.")),
    }),
    rules: new Table({
        label: "Rules that never match", key: (one) => one.name,
        columns: [
            { label: "Rule", kind: "name", cell: (one) => h("a", { href: rulePath(one.name) }, one.name) },
            { label: "Topic", kind: "clip", cell: topicLink },
            { label: "Passed over", kind: "end", cell: (one) => counted(one.events, "event") },
        ],
        empty: () => empty("Every rule has matched.", h("p", {}, "A rule that matches nothing although events come may have a typing error.")),
    }),
    publishers: new Table({
        label: "Publishers of invalid events", key: (one) => `${one.source}\n${one.topic}`,
        columns: [
            { label: "Source", kind: "name", cell: (one) => one.source },
            { label: "Topic", kind: "clip", cell: topicLink },
            { label: "Events", kind: "end", cell: (one) => number(one.events) },
            { label: "Last", kind: "end", cell: (one) => age(one.last) },
            { label: "What is wrong", kind: "wide", cell: (one) => one.reason },
        ],
        empty: () => empty("Schemas accept what is published.",
            h("p", {}, "Who publishes events that their schema does not accept, the worst first.")),
    }),
});

/** When the disk will be full. @param {Tile} tile @param {any} disk */
function showDisk(tile, disk) {
    const free = disk.free_bytes === null ? "" : `${bytes(disk.free_bytes)} free`;
    const tone = disk.level === "short" ? "bad" : disk.level === "low" ? "warn" : undefined;
    if (disk.full_in === null) {
        tile.set(["–", ""], disk.growth === null ? `${free}; growth is known in a minute` : `${free}; it does not grow`, tone);
        return;
    }
    const left = seconds(disk.full_in);
    tile.set(left > 3650 * 86_400 ? ["> 10", "years"] : durationScaled(left),
        `${free}, ${bytes(Math.max(0, disk.growth ?? 0))}/s more`, tone ?? (left < 86_400 ? "warn" : undefined));
}

/** @param {Tile} tile @param {any} rates @param {string} note @param {import("../components/parts.js").Tone} [tone] */
function showRate(tile, rates, note, tone) {
    const [figure, unit] = scaled(rates["1m"]);
    tile.set([figure, `${unit && `${unit} `}/s`], `${note}${rate(rates["5m"])} over five minutes`, tone);
}

/** @param {any} one */
const waitsText = (one) => one.backlog === 0 ? "nothing waits"
    : [counted(one.backlog, "event"), one.backlog === 1 ? " waits" : " wait",
        one.oldest_unsettled && `, the oldest for ${age(one.oldest_unsettled)}`].filter(Boolean).join("");

/** A command in a line with other things. @param {string} line */
const shellWords = (line) => h("code.small.faint.push", { data: { cli: line }, title: "The same in a shell" }, line);

/** Whether it should be asked why: something waits that does not end by itself at once. @param {any} one */
const isSuspicious = (one) => (one.state !== "ok" && one.state !== "complete")
    || (one.backlog > 0 && !(one.rates?.drain && seconds(one.rates.drain) < 10));

/** @type {import("../lib/router.js").PageMaker} */
export async function bottlenecks(context) {
    const wanted = { sort: context.query.get("sort") ?? "backlog", search: context.query.get("search") ?? "" };
    const tiles = {
        published: new Tile("Published"), acknowledged: new Tile("Done by consumers"),
        failed: new Tile("Attempts that fail"), disk: new Tile("Disk full in"),
    };
    const table = subscriptionTable(context, () => wanted.search);
    const parts = partsOf();
    const why = h("div.stack", { "aria-live": "polite" });
    let told = "";
    const look = async () => {
        const asked = JSON.stringify(wanted);
        const now = await get("/v1/bottlenecks", { ...wanted, limit: SHOWN }, { signal: context.signal });
        // Somebody chose something else meanwhile: that answer comes by itself.
        if (asked !== JSON.stringify(wanted)) return;
        showRate(tiles.published, now.published, "");
        showRate(tiles.acknowledged, now.acknowledged, "");
        showRate(tiles.failed, now.failed, "", now.failed["1m"] > 0.05 ? "warn" : undefined);
        showDisk(tiles.disk, now.disk);
        table.set(now.subscriptions);
        parts.targets.set(now.targets.slice(0, 10));
        parts.partitions.set(now.partitions.filter((/** @type {any} */ one) => one.arrival["5m"] > 0).slice(0, 10));
        parts.rules.set(now.idle_rules);
        parts.publishers.set(now.invalid_publishers);
    };
    const explain = async () => {
        const now = await get("/v1/bottlenecks", { sort: "backlog", limit: SHOWN }, { signal: context.signal });
        const names = now.subscriptions.filter(isSuspicious).slice(0, EXPLAINED).map((/** @type {any} */ one) => one.name);
        const found = (await Promise.all(names.map((/** @type {string} */ name) =>
            // One that was deleted meanwhile explains itself.
            get(`/v1/subscriptions/${part(name)}/explanation`, {}, { signal: context.signal }).catch(() => null))))
            .filter((one) => one !== null);
        const keys = found.flatMap((one) => one.keys.map((/** @type {any} */ key) => ({ ...key, subscription: one.subscription })));
        parts.keys.set(keys.filter((key) => key.share >= HOT).sort((left, right) => right.share - left.share).slice(0, 10));
        const slow = found.filter((one) => one.causes.length > 0);
        const text = JSON.stringify(slow.map((one) => [one.subscription, one.causes]));
        if (text === told) return;
        told = text;
        fill(why, slow.length === 0
            ? notice("good", "Nothing is slow.", h("p.soft", {}, "No subscription has a cause for waiting that the server can see."))
            : slow.map((one) => h("section.cause", { "aria-label": `Why ${one.subscription} is slow` },
                h("div.cause-head", {}, h("h3", {}, subscriptionLink(one.subscription)), stateBadge(one), h("span.soft", {}, waitsText(one)),
                    shellWords(commandLine("explain", one.subscription))),
                causesOf(one))));
    };
    const order = h("select.input", {
        "aria-label": "Order", onchange: () => {
            wanted.sort = order.value;
            context.setQuery({ sort: wanted.sort === "backlog" ? null : wanted.sort });
            look();
        },
    }, ORDERS.map(([value, label]) => h("option", { value, selected: value === wanted.sort }, label)));
    const search = searchField("Search subscriptions", wanted.search, (text) => {
        wanted.search = text;
        context.setQuery({ search: text || null });
        look();
    });
    await context.every(2000, look);
    await context.every(10_000, explain);
    const pair = (/** @type {any[]} */ ...panels) => h("div.columns", {}, panels);
    return {
        title: "Bottlenecks",
        element: page({
            title: "Bottlenecks",
            about: "Where it is tight. Rates are of the last minute; the server looks at its counters every few seconds.",
        },
            h("div.tiles", {}, Object.values(tiles).map((tile) => tile.element)),
            panel("Why it is slow", {}, why),
            panel("Subscriptions", { flush: true, aside: h("div.toolbar", {}, search, order) }, table.element),
            pair(panel("Slowest receivers", { flush: true }, parts.targets.element), panel("Hottest keys", { flush: true }, parts.keys.element)),
            pair(panel("Hottest partitions", { flush: true }, parts.partitions.element),
                panel("Rules that never match", { flush: true }, parts.rules.element)),
            panel("Publishers of invalid events", { flush: true }, parts.publishers.element),
            sameInShell(commandLine("top", ["--sort", wanted.sort === "backlog" ? null : wanted.sort]))),
    };
}
