// SPDX-License-Identifier: Apache-2.0

// The receiver of a subscription that pushes: sending it a test and seeing what it answers, and changing what requests are signed with.

import { h, fill } from "../lib/dom.js";
import { part, post } from "../lib/api.js";
import { commandLine } from "../lib/shell-quote.js";
import { badge, button, notice } from "./parts.js";
import { codeLine } from "./code.js";
import { openDialog } from "./dialog.js";
import { exchange, outcomeTone, took } from "./journey.js";
import { toast } from "./toast.js";

/** How a test ended. @param {any} test */
const verdict = (test) => notice(outcomeTone(test.outcome),
    h("span", {}, badge(test.outcome, outcomeTone(test.outcome)), test.status !== null && h("strong", {}, ` ${test.status}`),
        ` in ${took(test.microseconds)}`),
    test.reason && h("p.soft", {}, test.reason), exchange(test, true));

/** Sends the receiver an event, as often as wanted. @param {any} subscription */
export function testDialog(subscription) {
    const { name, push } = subscription;
    const answer = h("div.stack", { "aria-live": "polite", data: { answer: "true" } });
    openDialog({
        title: `Test the receiver of ${name}`, label: "Send a test",
        line: () => commandLine("subscription", "test", name),
        body: [
            h("p", {}, "An event of type ", h("code", {}, "apus.test"), " goes to ", h("code", {}, push.url ?? `${push.connection}/${push.topic}`),
                push.url ? ". Nothing is stored or counted." : ", where it is really published. Nothing is stored or counted here."),
            h("p.soft", {}, "It goes at once, although the subscription may be paused or its receiver left alone."),
            answer,
        ],
        act: async () => {
            fill(answer, h("p.soft", {}, `Waiting for the answer, for ${push.timeout} at most…`));
            try {
                fill(answer, verdict(await post(`/v1/subscriptions/${part(name)}/test`)));
            } catch (error) {
                fill(answer);
                throw error;
            }
            return false;
        },
    });
}

/** Makes a new secret and shows it, this once. @param {string} name @param {() => void} look */
function rotateDialog(name, look) {
    const made = h("div.stack", { "aria-live": "polite" });
    let isMade = false;
    openDialog({
        title: `A new secret for ${name}`, label: "Make a new secret", isReady: () => !isMade,
        line: () => commandLine("subscription", "rotate-secret", name),
        body: [
            h("p", {}, "From then on each request has a signature by the new secret, and one by each of those before: ",
                "receivers that do not know it yet go on."),
            made,
        ],
        act: async () => {
            const { secret } = await post(`/v1/subscriptions/${part(name)}/rotate-secret`);
            isMade = true;
            fill(made, h("p", {}, h("strong", {}, "The new secret, which is not shown again:")), codeLine(secret, { prompt: false }),
                h("p.soft", {}, "When the receiver knows it, retire the old ones."));
            look();
            return false;
        },
    });
}

/** Signs with the newest secret alone. @param {any} subscription @param {() => void} look */
function retireDialog({ name, push }, look) {
    openDialog({
        title: `Retire the old secrets of ${name}`, label: "Retire them", kind: "destroy",
        line: () => commandLine("subscription", "retire-secrets", name),
        body: h("p", {}, "Requests are signed with ", h("code", {}, push.secrets[0]), " alone. A receiver that does not know it will refuse them."),
        act: async () => {
            await post(`/v1/subscriptions/${part(name)}/retire-secrets`);
            toast(`Requests of ${name} are signed with the newest secret alone.`);
            look();
        },
    });
}

/** What requests of a webhook are signed with, and what can be done about it. @param {any} subscription @param {() => void} look */
export const signing = (subscription, look) => h("span.cluster", {},
    subscription.push.secrets.length === 0 ? h("span.faint", {}, "nothing")
        : subscription.push.secrets.map((/** @type {string} */ one) => h("code", {}, one)),
    button(subscription.push.secrets.length === 0 ? "Sign…" : "Rotate…", () => rotateDialog(subscription.name, look),
        { compact: true, title: commandLine("subscription", "rotate-secret", subscription.name), label: "Make a new secret" }),
    subscription.push.secrets.length > 1 && button("Retire old…", () => retireDialog(subscription, look),
        { compact: true, title: commandLine("subscription", "retire-secrets", subscription.name), label: "Retire the old secrets" }));
