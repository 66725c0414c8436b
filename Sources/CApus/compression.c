#include "capus_compression.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

// MARK: What the libraries' interfaces promise

/// zlib's z_stream, the same since zlib 1.0.
typedef struct {
    const uint8_t *next_in;
    unsigned avail_in;
    unsigned long total_in;
    uint8_t *next_out;
    unsigned avail_out;
    unsigned long total_out;
    const char *message;
    void *state;
    void *allocate;
    void *release;
    void *opaque;
    int data_type;
    unsigned long adler;
    unsigned long reserved;
} zlib_stream;

enum { ZLIB_OK = 0, ZLIB_STREAM_END = 1, ZLIB_MEMORY = -4, ZLIB_BUFFER = -5, ZLIB_FINISH = 4, ZLIB_DEFLATED = 8 };

/// 15 bits of window, and 16 for gzip's header and trailer.
enum { ZLIB_GZIP_WINDOW = 15 + 16 };

/// LZ4F_preferences_t of the version 100 interface.
typedef struct {
    int block_size_id;
    int block_mode;
    int content_checksum;
    int frame_type;
    uint64_t content_size;
    uint32_t dictionary;
    int block_checksum;
    int level;
    uint32_t auto_flush;
    uint32_t favor_decompression;
    uint32_t reserved[3];
} lz4_preferences;

enum { LZ4_INTERFACE = 100, LZ4_INDEPENDENT_BLOCKS = 1 };

typedef struct {
    const void *bytes;
    size_t count;
    size_t position;
} zstd_input;

typedef struct {
    void *bytes;
    size_t count;
    size_t position;
} zstd_output;

/// ZSTD_d_windowLogMax, and the window that the library itself takes at most unless it is told otherwise.
enum { ZSTD_WINDOW_LOG_MAX = 100, ZSTD_WINDOW_LOG = 27, ZSTD_LEVEL = 3 };

static struct {
    int (*inflate_init)(zlib_stream *, int window, const char *version, int size);
    int (*inflate)(zlib_stream *, int flush);
    int (*inflate_reset)(zlib_stream *);
    int (*inflate_end)(zlib_stream *);
    int (*deflate_init)(
        zlib_stream *, int level, int method, int window, int memory, int strategy, const char *version, int size);
    int (*deflate)(zlib_stream *, int flush);
    int (*deflate_end)(zlib_stream *);
    int is_open;
} zlib;

static struct {
    int (*uncompress)(const char *, size_t, char *, size_t *);
    int (*uncompressed_length)(const char *, size_t, size_t *);
    int (*compress)(const char *, size_t, char *, size_t *);
    size_t (*bound)(size_t);
    int is_open;
} snappy;

static struct {
    size_t (*create)(void **, unsigned version);
    size_t (*destroy)(void *);
    void (*reset)(void *);
    size_t (*decompress)(void *, void *, size_t *, const void *, size_t *, const void *options);
    unsigned (*is_error)(size_t);
    size_t (*bound)(size_t, const lz4_preferences *);
    size_t (*compress)(void *, size_t, const void *, size_t, const lz4_preferences *);
    int is_open;
} lz4;

static struct {
    void *(*create)(void);
    size_t (*destroy)(void *);
    size_t (*reset)(void *, int directive);
    size_t (*set)(void *, int parameter, int value);
    size_t (*decompress)(void *, zstd_output *, zstd_input *);
    size_t (*size)(const void *);
    unsigned (*is_error)(size_t);
    unsigned long long (*content_size)(const void *, size_t);
    size_t (*bound)(size_t);
    size_t (*compress)(void *, size_t, const void *, size_t, int level);
    int is_open;
} zstd;

// MARK: Opening

static pthread_once_t zlib_once = PTHREAD_ONCE_INIT;
static pthread_once_t snappy_once = PTHREAD_ONCE_INIT;
static pthread_once_t lz4_once = PTHREAD_ONCE_INIT;
static pthread_once_t zstd_once = PTHREAD_ONCE_INIT;

#ifdef __APPLE__
#define LIBRARY(name, version) "lib" name "." version ".dylib"
#else
#define LIBRARY(name, version) "lib" name ".so." version
#endif

/// The address of a function; notes when there is none.
static void *find(void *library, const char *name, int *is_whole) {
    void *address = library ? dlsym(library, name) : NULL;
    if (!address) *is_whole = 0;
    return address;
}

// A library stays open for as long as the process lives.
#define OPEN(name, version)                                                                                            \
    int is_whole = 1;                                                                                                  \
    void *library = dlopen(LIBRARY(name, version), RTLD_NOW | RTLD_LOCAL)
#define FIND(member, name) *(void **)&member = find(library, name, &is_whole)

static void open_zlib(void) {
    OPEN("z", "1");
    FIND(zlib.inflate_init, "inflateInit2_");
    FIND(zlib.inflate, "inflate");
    FIND(zlib.inflate_reset, "inflateReset");
    FIND(zlib.inflate_end, "inflateEnd");
    FIND(zlib.deflate_init, "deflateInit2_");
    FIND(zlib.deflate, "deflate");
    FIND(zlib.deflate_end, "deflateEnd");
    zlib.is_open = is_whole;
}

static void open_snappy(void) {
    OPEN("snappy", "1");
    FIND(snappy.uncompress, "snappy_uncompress");
    FIND(snappy.uncompressed_length, "snappy_uncompressed_length");
    FIND(snappy.compress, "snappy_compress");
    FIND(snappy.bound, "snappy_max_compressed_length");
    snappy.is_open = is_whole;
}

static void open_lz4(void) {
    OPEN("lz4", "1");
    FIND(lz4.create, "LZ4F_createDecompressionContext");
    FIND(lz4.destroy, "LZ4F_freeDecompressionContext");
    FIND(lz4.reset, "LZ4F_resetDecompressionContext");
    FIND(lz4.decompress, "LZ4F_decompress");
    FIND(lz4.is_error, "LZ4F_isError");
    FIND(lz4.bound, "LZ4F_compressFrameBound");
    FIND(lz4.compress, "LZ4F_compressFrame");
    lz4.is_open = is_whole;
}

static void open_zstd(void) {
    OPEN("zstd", "1");
    FIND(zstd.create, "ZSTD_createDCtx");
    FIND(zstd.destroy, "ZSTD_freeDCtx");
    FIND(zstd.reset, "ZSTD_DCtx_reset");
    FIND(zstd.set, "ZSTD_DCtx_setParameter");
    FIND(zstd.decompress, "ZSTD_decompressStream");
    FIND(zstd.size, "ZSTD_sizeof_DCtx");
    FIND(zstd.is_error, "ZSTD_isError");
    FIND(zstd.content_size, "ZSTD_getFrameContentSize");
    FIND(zstd.bound, "ZSTD_compressBound");
    FIND(zstd.compress, "ZSTD_compress");
    zstd.is_open = is_whole;
}

int capus_codec_available(int codec) {
    switch (codec) {
    case CAPUS_GZIP: pthread_once(&zlib_once, open_zlib); return zlib.is_open;
    case CAPUS_SNAPPY: pthread_once(&snappy_once, open_snappy); return snappy.is_open;
    case CAPUS_LZ4: pthread_once(&lz4_once, open_lz4); return lz4.is_open;
    case CAPUS_ZSTD: pthread_once(&zstd_once, open_zstd); return zstd.is_open;
    default: return 0;
    }
}

// MARK: Decompressing

struct capus_decoder {
    int codec;
    /// gzip's state; the other libraries keep theirs in `context`.
    zlib_stream stream;
    void *context;
};

int64_t capus_claimed_length(int codec, const void *input, size_t count) {
    if (!capus_codec_available(codec)) return -1;
    if (codec == CAPUS_SNAPPY) {
        size_t length = 0;
        if (snappy.uncompressed_length(input, count, &length) != 0 || length > INT64_MAX) return -1;
        return (int64_t)length;
    }
    if (codec == CAPUS_ZSTD) {
        // The two highest numbers mean that it is not known, and that there is no frame.
        unsigned long long length = zstd.content_size(input, count);
        return length > INT64_MAX ? -1 : (int64_t)length;
    }
    return -1;
}

capus_decoder *capus_decoder_create(int codec) {
    if (codec == CAPUS_SNAPPY || !capus_codec_available(codec)) return NULL;
    capus_decoder *decoder = calloc(1, sizeof *decoder);
    if (!decoder) return NULL;
    decoder->codec = codec;
    int is_ready = 0;
    switch (codec) {
    case CAPUS_GZIP:
        is_ready = zlib.inflate_init(&decoder->stream, ZLIB_GZIP_WINDOW, "1", sizeof decoder->stream) == ZLIB_OK;
        break;
    case CAPUS_LZ4: is_ready = !lz4.is_error(lz4.create(&decoder->context, LZ4_INTERFACE)); break;
    case CAPUS_ZSTD:
        decoder->context = zstd.create();
        is_ready = decoder->context && !zstd.is_error(zstd.set(decoder->context, ZSTD_WINDOW_LOG_MAX, ZSTD_WINDOW_LOG));
        if (!is_ready && decoder->context) zstd.destroy(decoder->context);
        break;
    default: break;
    }
    if (is_ready) return decoder;
    free(decoder);
    return NULL;
}

int capus_decoder_reset(capus_decoder *decoder) {
    switch (decoder->codec) {
    case CAPUS_GZIP: return zlib.inflate_reset(&decoder->stream) == ZLIB_OK ? CAPUS_MORE : CAPUS_CORRUPT;
    case CAPUS_LZ4: lz4.reset(decoder->context); return CAPUS_MORE;
    // 1: the session only; parameters stay.
    default: return zstd.is_error(zstd.reset(decoder->context, 1)) ? CAPUS_CORRUPT : CAPUS_MORE;
    }
}

size_t capus_decoder_bytes(const capus_decoder *decoder) {
    // The window of a gzip stream, and the blocks that an lz4 context may hold.
    if (decoder->codec == CAPUS_ZSTD) return zstd.size(decoder->context);
    return decoder->codec == CAPUS_GZIP ? 48 << 10 : 256 << 10;
}

void capus_decoder_destroy(capus_decoder *decoder) {
    if (!decoder) return;
    switch (decoder->codec) {
    case CAPUS_GZIP: zlib.inflate_end(&decoder->stream); break;
    case CAPUS_LZ4: lz4.destroy(decoder->context); break;
    default: zstd.destroy(decoder->context); break;
    }
    free(decoder);
}

static int inflate_step(
    zlib_stream *stream, const void *input, size_t *input_count, void *output, size_t *output_count) {
    const unsigned most = 1u << 30;
    unsigned in = *input_count > most ? most : (unsigned)*input_count;
    unsigned out = *output_count > most ? most : (unsigned)*output_count;
    stream->next_in = input;
    stream->avail_in = in;
    stream->next_out = output;
    stream->avail_out = out;
    int status = zlib.inflate(stream, 0);
    *input_count = in - stream->avail_in;
    *output_count = out - stream->avail_out;
    switch (status) {
    case ZLIB_STREAM_END: return CAPUS_END;
    // Nothing could be done for want of input or output, which the counts tell.
    case ZLIB_OK:
    case ZLIB_BUFFER: return CAPUS_MORE;
    case ZLIB_MEMORY: return CAPUS_NO_MEMORY;
    default: return CAPUS_CORRUPT;
    }
}

int capus_decoder_step(
    capus_decoder *decoder, const void *input, size_t *input_count, void *output, size_t *output_count) {
    if (decoder->codec == CAPUS_GZIP) {
        return inflate_step(&decoder->stream, input, input_count, output, output_count);
    }
    size_t hint;
    if (decoder->codec == CAPUS_LZ4) {
        hint = lz4.decompress(decoder->context, output, output_count, input, input_count, NULL);
        if (lz4.is_error(hint)) return CAPUS_CORRUPT;
    } else {
        zstd_input in = {input, *input_count, 0};
        zstd_output out = {output, *output_count, 0};
        hint = zstd.decompress(decoder->context, &out, &in);
        if (zstd.is_error(hint)) return CAPUS_CORRUPT;
        *input_count = in.position;
        *output_count = out.position;
    }
    return hint == 0 ? CAPUS_END : CAPUS_MORE;
}

int capus_snappy_decompress(const void *input, size_t count, void *output, size_t *output_count) {
    if (!capus_codec_available(CAPUS_SNAPPY)) return CAPUS_MISSING;
    return snappy.uncompress(input, count, output, output_count) == 0 ? CAPUS_END : CAPUS_CORRUPT;
}

// MARK: Compressing

/// Independent blocks, because Kafka's Java client reads no others.
static const lz4_preferences lz4_format = {.block_mode = LZ4_INDEPENDENT_BLOCKS};

int64_t capus_compress_bound(int codec, size_t count) {
    if (!capus_codec_available(codec)) return -1;
    switch (codec) {
    // What deflate needs if it stores everything, with room for header and trailer.
    case CAPUS_GZIP: return (int64_t)(count + count / 1000 + 64);
    case CAPUS_SNAPPY: return (int64_t)snappy.bound(count);
    case CAPUS_LZ4: return (int64_t)lz4.bound(count, &lz4_format);
    default: return (int64_t)zstd.bound(count);
    }
}

static int deflate_all(const void *input, size_t count, void *output, size_t *output_count) {
    zlib_stream stream = {0};
    if (count > 1u << 30 || *output_count > 3u << 29) return CAPUS_CORRUPT;
    // The library's own level, memory and strategy.
    if (zlib.deflate_init(&stream, -1, ZLIB_DEFLATED, ZLIB_GZIP_WINDOW, 8, 0, "1", sizeof stream) != ZLIB_OK) {
        return CAPUS_NO_MEMORY;
    }
    stream.next_in = input;
    stream.avail_in = (unsigned)count;
    stream.next_out = output;
    stream.avail_out = (unsigned)*output_count;
    int status = zlib.deflate(&stream, ZLIB_FINISH);
    *output_count -= stream.avail_out;
    zlib.deflate_end(&stream);
    return status == ZLIB_STREAM_END ? CAPUS_END : CAPUS_CORRUPT;
}

int capus_compress(int codec, const void *input, size_t count, void *output, size_t *output_count) {
    if (!capus_codec_available(codec)) return CAPUS_MISSING;
    size_t written;
    switch (codec) {
    case CAPUS_GZIP: return deflate_all(input, count, output, output_count);
    case CAPUS_SNAPPY: return snappy.compress(input, count, output, output_count) == 0 ? CAPUS_END : CAPUS_CORRUPT;
    case CAPUS_LZ4:
        written = lz4.compress(output, *output_count, input, count, &lz4_format);
        if (lz4.is_error(written)) return CAPUS_CORRUPT;
        break;
    default:
        written = zstd.compress(output, *output_count, input, count, ZSTD_LEVEL);
        if (zstd.is_error(written)) return CAPUS_CORRUPT;
        break;
    }
    *output_count = written;
    return CAPUS_END;
}
