// SPDX-License-Identifier: Apache-2.0

// Names that the client and the library both have: here only the client is imported, so that its own can be told apart. (They cannot be qualified: the module
// and its main type have the same name.)

import ApusClient

typealias ServerReceipt = Receipt
typealias ServerSettleResult = SettleResult
