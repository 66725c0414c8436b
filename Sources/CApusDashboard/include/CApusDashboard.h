// SPDX-License-Identifier: Apache-2.0

// The files of the dashboard, inside the program.

#ifndef CAPUS_DASHBOARD_H
#define CAPUS_DASHBOARD_H

#include <stddef.h>

/// One file.
struct capus_asset {
    /// Its path below `Assets`, such as `lib/api.js`.
    const char *path;
    const unsigned char *bytes;
    size_t count;
};

/// How many files there are.
size_t capus_asset_count(void);

/// The file at `index`, which must be less than the count.
struct capus_asset capus_asset_at(size_t index);

#endif
