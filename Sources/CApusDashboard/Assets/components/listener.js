// SPDX-License-Identifier: Apache-2.0

// An address that the server listens at, and who may come: open to everybody without a token is red.

import { h } from "../lib/dom.js";
import { badge } from "./parts.js";

/** @param {{ service: string, address: string, loopback: boolean, token: boolean }} listener */
export function listenerLine({ service, address, loopback, token }) {
    const guard = token ? badge("token", "good") : loopback ? badge("this machine only", "info") : badge("open to everybody", "bad");
    return h("div", {}, h("code", {}, address), ` ${service} `, guard);
}
