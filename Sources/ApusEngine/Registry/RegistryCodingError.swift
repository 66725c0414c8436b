// SPDX-License-Identifier: Apache-2.0

// What is thrown where a record of the registry's log is not what it should be.

/// Why the registry's log cannot be understood.
struct RegistryCodingError: Error {
    var reason: String
}
