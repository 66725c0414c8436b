// XML Schema by the system's libxml2, opened at run time: nothing of it is needed to build, and a library that is not there is found
// out when it is needed. The few functions and layouts are declared in xsd.c from what the library's interface promises.
// What may come in (size, depth, no document types, no references to files) is for the caller to check before.
#ifndef CAPUS_XSD_H
#define CAPUS_XSD_H

#include <stddef.h>
#include <stdint.h>

/// Whether the library is there: 1 or 0. It is opened by the first call, once, from whatever thread.
int capus_xsd_available(void);

/// Bytes of somebody else's, for the length of a call.
typedef struct {
    const char *bytes;
    size_t count;
} capus_xsd_text;

/// One complaint: its number in libxml2, the line, how many elements had begun (0: none) up to the one it is about, and the
/// message. Answers whether to go on.
typedef int (*capus_xsd_report)(void *context, int code, int line, uint32_t element, const char *message);

/// A compiled schema. Any number of threads may validate by it at once.
typedef struct capus_xsd_schema capus_xsd_schema;

/// Compiles a schema. Where it refers to a schema by the location `apus-xsd:N`, that is `references[N]`.
/// NULL when it is not one, which has been reported, or for want of memory.
capus_xsd_schema *capus_xsd_compile(
    const char *bytes, size_t count, const capus_xsd_text *references, size_t reference_count, capus_xsd_report report,
    void *context);
void capus_xsd_destroy(capus_xsd_schema *schema);

/// How validating ended.
enum {
    CAPUS_XSD_VALID = 0,
    /// What is wrong has been reported.
    CAPUS_XSD_INVALID = 1,
    /// The thread has worked for longer than it may.
    CAPUS_XSD_LATE = 2,
    /// The document is not XML as the library sees it, which has been reported.
    CAPUS_XSD_NOT_XML = 3,
    CAPUS_XSD_NO_MEMORY = -1,
};

/// Holds a document against a schema; `nanoseconds` of processor time are looked at between elements.
int capus_xsd_validate(
    const capus_xsd_schema *schema, const char *bytes, size_t count, int64_t nanoseconds, capus_xsd_report report,
    void *context);

#endif
