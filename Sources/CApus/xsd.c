#include "capus_xsd.h"

#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

// MARK: What the library's interface promises

/// The first fields of xmlError, the same since libxml2 2.6.
typedef struct {
    int domain;
    int code;
    const char *message;
    int level;
    const char *file;
    int line;
} xml_error;

/// xmlErrorLevel: warnings are not complaints.
enum { XML_LEVEL_ERROR = 2 };
/// xmlErrorDomain of the parser and of namespaces.
enum { XML_DOMAIN_PARSER = 1, XML_DOMAIN_NAMESPACE = 3 };
/// No network; no limits lifted, no entities replaced, nothing loaded.
enum { XML_PARSE_NONET = 1 << 11 };

typedef void (*xml_structured_error)(void *, xml_error *);
typedef void (*xml_start_element)(
    void *, const char *local, const char *prefix, const char *uri, int namespaces, const char **namespace, int attributes,
    int defaulted, const char **attribute);
typedef void (*xml_end_element)(void *, const char *local, const char *prefix, const char *uri);

/// xmlSAXHandler, the same since libxml2 2.6: what is not used here is a pointer.
typedef struct {
    void *before_initialized[27];
    unsigned initialized;
    void *private;
    xml_start_element start_element;
    xml_end_element end_element;
    xml_structured_error error;
} xml_sax;

/// XML_SAX2_MAGIC
enum { XML_SAX2 = 0xDEEDBEAF };

static struct {
    void (*init_parser)(void);
    int (*init_types)(void);
    void *(*new_schema_parser)(const char *, int);
    void (*free_schema_parser)(void *);
    void (*set_schema_parser_errors)(void *, xml_structured_error, void *);
    void *(*parse_schema)(void *);
    void (*free_schema)(void *);
    void *(*new_validation)(void *);
    void (*free_validation)(void *);
    void (*set_validation_errors)(void *, xml_structured_error, void *);
    void *(*plug)(void *, xml_sax **, void **);
    int (*unplug)(void *);
    int (*is_valid)(void *);
    void *(*new_parser)(xml_sax *, void *, const char *, int, const char *);
    int (*use_options)(void *, int);
    int (*parse_chunk)(void *, const char *, int, int);
    void (*free_parser)(void *);
    void (*stop_parser)(void *);
    int (*line_number)(void *);
    int (*register_input)(
        int (*match)(const char *), void *(*open)(const char *), int (*read)(void *, char *, int), int (*close)(void *));
    void (*set_errors)(void *, xml_structured_error);
    xml_structured_error *(*errors)(void);
    void **(*errors_context)(void);
    int is_open;
} xml;

// MARK: References

/// The references of the compilation that the thread is at, so that the library finds them and nothing else by our scheme.
static _Thread_local const capus_xsd_text *current_references;
static _Thread_local size_t current_count;

static const char scheme[] = "apus-xsd:";

static int match_reference(const char *name) { return strncmp(name, scheme, sizeof scheme - 1) == 0; }

typedef struct {
    capus_xsd_text text;
    size_t position;
} reading;

static void *open_reference(const char *name) {
    if (!match_reference(name)) return NULL;
    char *end = NULL;
    unsigned long index = strtoul(name + sizeof scheme - 1, &end, 10);
    if (!end || *end || index >= current_count) return NULL;
    reading *self = calloc(1, sizeof *self);
    if (self) self->text = current_references[index];
    return self;
}

static int read_reference(void *context, char *buffer, int capacity) {
    reading *self = context;
    size_t count = self->text.count - self->position;
    if (capacity < 0) return -1;
    if (count > (size_t)capacity) count = (size_t)capacity;
    memcpy(buffer, self->text.bytes + self->position, count);
    self->position += count;
    return (int)count;
}

static int close_reference(void *context) {
    free(context);
    return 0;
}

// MARK: Opening

static pthread_once_t once = PTHREAD_ONCE_INIT;

#ifdef __APPLE__
#define LIBRARY "libxml2.2.dylib"
#else
#define LIBRARY "libxml2.so.2"
#endif

/// The address of a function; notes when there is none.
static void *find(void *library, const char *name, int *is_whole) {
    void *address = library ? dlsym(library, name) : NULL;
    if (!address) *is_whole = 0;
    return address;
}

#define FIND(member, name) *(void **)&xml.member = find(library, name, &is_whole)

// The library stays open for as long as the process lives.
static void open_library(void) {
    int is_whole = 1;
    void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    FIND(init_parser, "xmlInitParser");
    FIND(init_types, "xmlSchemaInitTypes");
    FIND(new_schema_parser, "xmlSchemaNewMemParserCtxt");
    FIND(free_schema_parser, "xmlSchemaFreeParserCtxt");
    FIND(set_schema_parser_errors, "xmlSchemaSetParserStructuredErrors");
    FIND(parse_schema, "xmlSchemaParse");
    FIND(free_schema, "xmlSchemaFree");
    FIND(new_validation, "xmlSchemaNewValidCtxt");
    FIND(free_validation, "xmlSchemaFreeValidCtxt");
    FIND(set_validation_errors, "xmlSchemaSetValidStructuredErrors");
    FIND(plug, "xmlSchemaSAXPlug");
    FIND(unplug, "xmlSchemaSAXUnplug");
    FIND(is_valid, "xmlSchemaIsValid");
    FIND(new_parser, "xmlCreatePushParserCtxt");
    FIND(use_options, "xmlCtxtUseOptions");
    FIND(parse_chunk, "xmlParseChunk");
    FIND(free_parser, "xmlFreeParserCtxt");
    FIND(stop_parser, "xmlStopParser");
    FIND(line_number, "xmlSAX2GetLineNumber");
    FIND(register_input, "xmlRegisterInputCallbacks");
    FIND(set_errors, "xmlSetStructuredErrorFunc");
    FIND(errors, "__xmlStructuredError");
    FIND(errors_context, "__xmlStructuredErrorContext");
    if (!is_whole) return;
    xml.init_parser();
    xml.init_types();
    xml.is_open = xml.register_input(match_reference, open_reference, read_reference, close_reference) >= 0;
}

int capus_xsd_available(void) {
    pthread_once(&once, open_library);
    return xml.is_open;
}

// MARK: Complaints

typedef struct {
    capus_xsd_report report;
    void *context;
    /// The parser of a document, NULL while a schema is compiled.
    void *parser;
    int has_complaints;
    int is_not_xml;
    int is_late;
    int is_stopped;
    /// Elements that have begun, and which of them are open.
    uint32_t elements;
    uint32_t open[512];
    uint32_t depth;
    /// The end of an element is reported before the library judges what was in it.
    int has_ended;
    int64_t deadline;
    int64_t processor_limit;
} run;

static void stop(run *self) {
    self->is_stopped = 1;
    if (self->parser) xml.stop_parser(self->parser);
}

static void complain(void *context, xml_error *error) {
    run *self = context;
    if (!error || error->level < XML_LEVEL_ERROR || self->is_stopped) return;
    self->has_complaints = 1;
    if (error->domain == XML_DOMAIN_PARSER || error->domain == XML_DOMAIN_NAMESPACE) self->is_not_xml = 1;
    int line = self->parser ? xml.line_number(self->parser) : error->line;
    uint32_t depth = self->depth < 512 ? self->depth : 512;
    uint32_t element = depth ? self->open[depth - 1] : 0;
    if (!self->report(self->context, error->code, line, element, error->message ? error->message : "")) stop(self);
}

/// What the library would print otherwise: complaints that belong to no context. The setting is the thread's own.
typedef struct {
    xml_structured_error errors;
    void *context;
} earlier_errors;

static earlier_errors begin(run *self) {
    earlier_errors earlier = {*xml.errors(), *xml.errors_context()};
    xml.set_errors(self, complain);
    return earlier;
}

static void end(earlier_errors earlier) { xml.set_errors(earlier.context, earlier.errors); }

// MARK: Compiling

struct capus_xsd_schema {
    void *schema;
};

capus_xsd_schema *capus_xsd_compile(
    const char *bytes, size_t count, const capus_xsd_text *references, size_t reference_count, capus_xsd_report report,
    void *context) {
    if (!capus_xsd_available() || count > INT_MAX) return NULL;
    run self = {.report = report, .context = context};
    earlier_errors earlier = begin(&self);
    current_references = references;
    current_count = reference_count;
    capus_xsd_schema *result = NULL;
    void *parser = xml.new_schema_parser(bytes, (int)count);
    if (parser) {
        xml.set_schema_parser_errors(parser, complain, &self);
        void *schema = xml.parse_schema(parser);
        xml.free_schema_parser(parser);
        result = schema && !self.has_complaints ? malloc(sizeof *result) : NULL;
        if (result) result->schema = schema;
        if (schema && !result) xml.free_schema(schema);
    }
    current_references = NULL;
    current_count = 0;
    end(earlier);
    return result;
}

void capus_xsd_destroy(capus_xsd_schema *schema) {
    if (!schema) return;
    xml.free_schema(schema->schema);
    free(schema);
}

// MARK: Validating

static int64_t now(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void leave(run *self) {
    if (!self->has_ended) return;
    self->has_ended = 0;
    if (self->depth) self->depth--;
}

static void start_element(
    void *context, const char *local, const char *prefix, const char *uri, int namespaces, const char **namespace,
    int attributes, int defaulted, const char **attribute) {
    (void)local, (void)prefix, (void)uri, (void)namespaces, (void)namespace, (void)attributes, (void)defaulted,
        (void)attribute;
    run *self = context;
    leave(self);
    self->elements++;
    if (self->depth < 512) self->open[self->depth] = self->elements;
    self->depth++;
    // The clock of the processor is a system call; the other one is not, and never behind it.
    if (now(CLOCK_MONOTONIC) < self->deadline) return;
    int64_t used = now(CLOCK_THREAD_CPUTIME_ID);
    if (used < self->processor_limit) {
        self->deadline = now(CLOCK_MONOTONIC) + self->processor_limit - used;
        return;
    }
    self->is_late = 1;
    stop(self);
}

static void end_element(void *context, const char *local, const char *prefix, const char *uri) {
    (void)local, (void)prefix, (void)uri;
    run *self = context;
    leave(self);
    self->has_ended = 1;
}

int capus_xsd_validate(
    const capus_xsd_schema *schema, const char *bytes, size_t count, int64_t nanoseconds, capus_xsd_report report,
    void *context) {
    if (count > INT_MAX) return CAPUS_XSD_NO_MEMORY;
    run self = {.report = report, .context = context};
    self.deadline = now(CLOCK_MONOTONIC) + nanoseconds;
    self.processor_limit = now(CLOCK_THREAD_CPUTIME_ID) + nanoseconds;
    earlier_errors earlier = begin(&self);
    int status = CAPUS_XSD_NO_MEMORY;
    xml_sax handler = {.initialized = XML_SAX2, .start_element = start_element, .end_element = end_element};
    xml_sax *sax = &handler;
    void *user = &self;
    void *validation = xml.new_validation(schema->schema);
    void *plug = NULL;
    if (validation) {
        xml.set_validation_errors(validation, complain, &self);
        plug = xml.plug(validation, &sax, &user);
    }
    if (plug) self.parser = xml.new_parser(sax, user, NULL, 0, NULL);
    if (self.parser) {
        xml.use_options(self.parser, XML_PARSE_NONET);
        int failure = xml.parse_chunk(self.parser, bytes, (int)count, 1);
        if (failure && !self.is_stopped) self.is_not_xml = 1;
        int is_valid = xml.is_valid(validation) == 1 && !self.has_complaints && !failure;
        status = self.is_late ? CAPUS_XSD_LATE
            : self.is_not_xml ? CAPUS_XSD_NOT_XML
            : is_valid        ? CAPUS_XSD_VALID
                              : CAPUS_XSD_INVALID;
    }
    if (plug) xml.unplug(plug);
    void *parser = self.parser;
    self.parser = NULL;
    if (parser) xml.free_parser(parser);
    if (validation) xml.free_validation(validation);
    end(earlier);
    return status;
}
