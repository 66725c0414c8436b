// SPDX-License-Identifier: Apache-2.0

// Retrying now what waits for its next attempt: one event by a button, all of a subscription or what came lately after a question.

import { h, fill } from "../lib/dom.js";
import { get, part, post } from "../lib/api.js";
import { counted } from "../lib/format.js";
import { commandLine } from "../lib/shell-quote.js";
import { button, field } from "./parts.js";
import { openDialog } from "./dialog.js";
import { attempt, toast } from "./toast.js";

/** What a time may be said as. */
const MOMENTS = "a time, or how long ago, such as 1h; all that waits if empty";

/**
 * Retries one event.
 * @param {string} subscription @param {string} place where the event lies @param {() => void} look
 */
export const retryButton = (subscription, place, look) => button("Retry now", () => attempt(
    () => post(`/v1/subscriptions/${part(subscription)}/retry`, { events: [place] }),
    ({ retried, probed }) => (retried ? `${subscription} retries ${place}.`
        : probed ? `The receiver of ${subscription} is tried with one event.` : `${place} does not wait for a retry any more.`)).then(look),
{ compact: true, title: commandLine("subscription", "retry", subscription, ["--event", place]), label: `Retry ${place} for ${subscription} now` });

/**
 * Has what waits for its next attempt handed out now.
 * @param {string} name the subscription @param {() => void} again @param {string} [lately] since when, to begin with
 */
export function retryDialog(name, again, lately = "") {
    const since = h("input.input", { value: lately, spellcheck: "false", autocomplete: "off" });
    const standing = h("div.stack", { "aria-live": "polite" }, "Asking the server what waits…");
    const choice = () => (since.value.trim() ? { since: since.value.trim() } : {});
    openDialog({
        title: `Retry what waits for ${name}`, label: "Retry now",
        line: () => commandLine("subscription", "retry", name, ["--since", since.value.trim() || null]),
        body: [standing, field("Came since", since, MOMENTS)],
        act: async () => {
            const { retried, probed } = await post(`/v1/subscriptions/${part(name)}/retry`, choice());
            toast([
                probed && `The receiver of ${name} is tried with one event.`, (retried > 0 || !probed) && `${counted(retried, "event")} retried now.`,
            ].filter(Boolean).join(" "));
            again();
        },
    });
    get(`/v1/subscriptions/${part(name)}`).then((now) => fill(standing,
        h("p", {}, h("strong", {}, `${counted(now.waiting, "event")} ${now.waiting === 1 ? "waits" : "wait"} for the next attempt.`),
            now.waiting > 0 && " They are handed out now, as far as there is room; attempts stay counted."),
        now.circuit?.state === "open" && h("p.soft", {},
            `The receiver is left alone after failures, ${counted(now.backlog, "event")} behind it: one goes now, the others when that is answered.`),
        now.paused && h("p.soft", {}, "The subscription is paused: nothing is handed out before it goes on."),
    ), (error) => fill(standing, error.message));
}
