// SPDX-License-Identifier: Apache-2.0

// Attempts to deliver that failed, of all subscriptions: what fails, where, and how it was answered. What waits is retried from here.

import { h } from "../lib/dom.js";
import { queryText } from "../lib/api.js";
import { button, field, page, panel } from "../components/parts.js";
import { attemptsPanel } from "../components/attempts.js";
import { retryDialog } from "../components/retry.js";

/** What can be asked: its name in the address, what it is called, an example. @type {[string, string, string | null][]} */
const FIELDS = [
    ["subscription", "Subscription", null], ["status", "Answered with", "503"], ["reason", "Text in the reason", null],
    ["since", "Since", "1h"],
];

/** @type {import("../lib/router.js").PageMaker} */
export async function attempts(context) {
    const asked = Object.fromEntries(FIELDS.map(([name]) => [name, context.query.get(name) ?? ""]).filter(([, value]) => value !== ""));
    const inputs = new Map(FIELDS.map(([name, , example]) => [name, h("input.input", {
        type: "text", value: asked[name] ?? "", data: name === "subscription" ? { search: "" } : {}, autocomplete: "off",
        placeholder: example, inputmode: name === "status" ? "numeric" : null,
    })]));
    const form = h("form.toolbar", {
        onsubmit: (/** @type {Event} */ submitted) => {
            submitted.preventDefault();
            const values = Object.fromEntries([...inputs].map(([name, input]) => [name, /** @type {any} */ (input).value.trim()])
                .filter(([, value]) => value !== ""));
            context.go(`/ui/attempts${queryText(values)}`);
        },
    }, FIELDS.map(([name, label]) => field(label, inputs.get(name))), h("button.button", { type: "submit", data: { kind: "main" } }, "Show"));
    return {
        title: "Attempts",
        element: page({
            title: "Attempts",
            about: "Deliveries that failed, of all subscriptions, the newest first. A single one is retried where it stands; "
                + "what a subscription has waiting since some time, when it is chosen.",
            actions: asked.subscription ? [
                button("Retry…", () => retryDialog(asked.subscription, () => context.again(), asked.since ?? ""), { kind: "main" }),
            ] : [],
        },
        panel(null, {}, form), await attemptsPanel(asked, context)),
    };
}
