// SPDX-License-Identifier: Apache-2.0

// Who imports `Apus` has the vocabulary of the bus (receipts, subscriptions, errors, capabilities) and the event itself without a second import:
// they are part of what this library's functions take and return.

@_exported public import ApusBus
@_exported public import ApusEmbeddedBus
@_exported public import CloudEvents
