// SPDX-License-Identifier: Apache-2.0

// The program. Everything is in ApusCLI, where tests can reach it.

import ApusCLI

await ApusCLI.main()
