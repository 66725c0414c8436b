// SPDX-License-Identifier: Apache-2.0

// What the server finds wrong with itself, what it is set to and by whom, and where machines ask.

import { h, fill } from "../lib/dom.js";
import { forgetToken, get, hasToken, post } from "../lib/api.js";
import { bytes, counted, duration, moment, number, seconds, zone } from "../lib/format.js";
import { commandLine } from "../lib/shell-quote.js";
import { findingBoxes } from "../components/findings.js";
import { listenerLine } from "../components/listener.js";
import { badge, button, empty, errorNotice, facts, notice, page, panel } from "../components/parts.js";
import { codeBlock, sameInShell } from "../components/code.js";
import { Table } from "../components/table.js";
import { toast } from "../components/toast.js";

/** @type {import("../lib/router.js").PageMaker} */
export async function settings(context) {
    const ask = (/** @type {string} */ what, query = {}) => get(`/v1/${what}`, query, { signal: context.signal });
    const [status, { settings: set }, diagnosis, log] = await Promise.all([
        ask("status"), ask("settings"), ask("diagnosis"), ask("log", { limit: 50 })]);
    const verification = h("div.stack", { "aria-live": "polite" },
        h("p.soft", {}, "Reads everything that is stored and compares checksums. It takes as long as the disk needs."),
    );
    const verify = button("Verify checksums", async () => {
        verify.disabled = true;
        fill(verification, h("p.soft", {}, "Reading…"));
        try {
            const report = await post("/v1/verify");
            fill(verification, report.damage.length
                ? notice(
                    "bad",
                    report.damage.length === 1 ? "1 batch is damaged." : `${number(report.damage.length)} batches are damaged.`,
                    codeBlock(report.damage.join("\n")),
                )
                : notice("good", `${number(report.batches)} batches (${bytes(report.bytes)}) are whole.`));
        } catch (error) {
            fill(verification, errorNotice(error));
        }
        verify.disabled = false;
    }, { title: commandLine("doctor") });
    const made = status.topic_defaults;
    return {
        title: "Settings and doctor",
        element: page({
            title: "Settings and doctor",
            badges: [diagnosis.healthy ? badge("healthy", "good") : badge("needs attention", "bad")],
        },
            panel("What the server finds", {}, h("div.stack", {},
                diagnosis.findings.length === 0
                    ? notice("good", "Nothing needs attention.")
                    : findingBoxes(diagnosis.findings, { boxes: Infinity, named: 100 }))),
            h("div.columns", {},
                panel("Server", {}, facts([
                    ["Version", status.version],
                    ["Up for", duration(seconds(status.uptime))],
                    ["Publishes", status.ready ? badge("accepted", "good") : badge(status.unavailable, "bad")],
                    ["Listens", h("div", {}, status.listeners.map(listenerLine))],
                    ["New topics", `${counted(made.partitions, "partition")}, ${made.durability}, kept ${made.retention ?? "for ever"}`],
                    ["Stored", `${bytes(status.disk.stored_bytes)}, and ${bytes(status.durability.pending_bytes)} in the journal`],
                    ["Free", status.disk.free_bytes === null ? "unknown" : bytes(status.disk.free_bytes)],
                    ["Open files", number(status.disk.open_files)],
                    ["Flushes", `${number(status.durability.flushes)}, of ${number(status.durability.flushed_batches)} batches`],
                    ["Recovery at start", duration(seconds(status.recovery))],
                ])),
                h("div.stack", {},
                    panel("Checksums", { aside: verify }, verification),
                    panel("This page", {}, facts([
                        ["Clock", zone()],
                        [
                            "Token",
                            hasToken() ? h("span", {},
                                "kept for this tab ",
                                button("Forget it", () => (forgetToken(), toast("Forgotten."), context.again()), { compact: true }),
                            ) : "none",
                        ],
                    ])),
                    panel("For machines", {}, h("ul.stack", {},
                        [
                            ["/metrics", "Prometheus' text format"],
                            ["/openapi.json", "the API, as OpenAPI 3.1"],
                            ["/health/ready", "whether publishes are taken"],
                        ]
                            .map(([path, about]) => h("li", {},
                                h("a", { href: path }, h("code", {}, path)),
                                h("span.faint", {}, ` ${about}`),
                            )))))),
            panel("Settings", { flush: true, aside: h("span.small.faint", {}, "by the names of options; what was given first") },
                settingsTable(set).element, h("div.panel-body", {}, sameInShell(commandLine("status", "--settings")))),
            panel("Last lines of the log", { aside: h("span.small.faint", {}, "the newest first; 1,000 are kept for the support archive") },
                codeBlock(log.lines.toReversed().map(logLine).join("\n") || "Nothing was logged.")),
            panel("Status, as JSON", {}, codeBlock(JSON.stringify(status, null, 2))),
            sameInShell(commandLine("doctor", ["--bundle", "apus.tar.gz"]))),
    };
}

/** Where a value is from, in words. @type {Record<string, [string, import("../components/parts.js").Tone]>} */
const ORIGINS = { flag: ["flag", "info"], environment: ["environment", "info"], default: ["default", undefined] };

/** What the server is set to; what somebody has decided comes before what nobody has. @param {any[]} set */
function settingsTable(set) {
    const table = new Table({
        label: "What the server is set to", key: (one) => one.name,
        columns: [
            { label: "Name", kind: "name", cell: (one) => h("code", {}, one.name) },
            { label: "Value", kind: "wide", cell: (one) => (one.value === null ? h("span.faint", {}, "none") : one.value) },
            { label: "From", kind: "tight", cell: (one) => badge(...ORIGINS[one.origin]) },
        ],
        empty: () => empty("The server tells nothing of how it is set."),
    });
    table.set([...set.filter((one) => one.origin !== "default"), ...set.filter((one) => one.origin === "default")]);
    return table;
}

/** @param {any} line */
const logLine = (line) => [moment(line.time), line.level.toUpperCase(), line.message,
    ...Object.entries(line.metadata ?? {}).map(([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`)].join(" ");
