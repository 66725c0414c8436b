// The four codecs of Kafka's record batches by the system's own libraries, opened at run time: nothing of them is needed to
// build, and a library that is not there is found out when it is needed. Their few functions are declared in
// compression.c from what their interfaces promise. No policy lives here: how much may come out is for the caller to say.
#ifndef CAPUS_COMPRESSION_H
#define CAPUS_COMPRESSION_H

#include <stddef.h>
#include <stdint.h>

/// Kafka's numbers of the codecs.
enum { CAPUS_GZIP = 1, CAPUS_SNAPPY = 2, CAPUS_LZ4 = 3, CAPUS_ZSTD = 4 };

/// How a step of decompression, or a compression, ended.
enum {
    /// Went as far as input and output reach; there is more to come.
    CAPUS_MORE = 0,
    /// Stands at the end of a whole frame.
    CAPUS_END = 1,
    /// The input is not what the codec writes.
    CAPUS_CORRUPT = -1,
    /// The library got no memory.
    CAPUS_NO_MEMORY = -2,
    /// The library is not there, or lacks a function.
    CAPUS_MISSING = -3,
};

/// Whether the codec's library is there: 1 or 0. It is opened by the first call, once, from whatever thread.
int capus_codec_available(int codec);

/// What a compressed frame says of its length; -1 when it says nothing. Not to be trusted.
int64_t capus_claimed_length(int codec, const void *input, size_t count);

/// A frame being decompressed, for gzip, lz4 and zstd. One thread at a time.
typedef struct capus_decoder capus_decoder;

/// A decoder at the beginning of a frame; NULL without the library or memory.
capus_decoder *capus_decoder_create(int codec);
/// Goes back to the beginning of a frame, whatever came before: CAPUS_MORE or an error.
int capus_decoder_reset(capus_decoder *decoder);
/// How many bytes the decoder holds, about.
size_t capus_decoder_bytes(const capus_decoder *decoder);
void capus_decoder_destroy(capus_decoder *decoder);

/// Reads up to `*input_count` bytes, writes up to `*output_count`, and says in both how many it was.
int capus_decoder_step(
    capus_decoder *decoder, const void *input, size_t *input_count, void *output, size_t *output_count);

/// One raw snappy block into `output`, whose capacity is `*output_count`: CAPUS_END or an error.
int capus_snappy_decompress(const void *input, size_t count, void *output, size_t *output_count);

/// The most bytes that `count` bytes compress to; -1 without the library.
int64_t capus_compress_bound(int codec, size_t count);

/// Compresses all of `input` to one frame (snappy: one raw block) in `output`, which holds what capus_compress_bound says at
/// least: CAPUS_END, and the count in `*output_count`, or an error.
int capus_compress(int codec, const void *input, size_t count, void *output, size_t *output_count);

#endif
