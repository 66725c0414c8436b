// SPDX-License-Identifier: Apache-2.0

// The engine as a transport of the library: follows.
