/* media_type.c: see media_type.h. */
#include "upstream/media_type.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

static const struct {
    const char *extension, *type;
} types[] = {{"jpg", "image/jpeg"},      {"jpeg", "image/jpeg"},     {"png", "image/png"},
             {"gif", "image/gif"},       {"tif", "image/tiff"},      {"tiff", "image/tiff"},
             {"bmp", "image/bmp"},       {"exr", "image/x-exr"},     {"tga", "image/x-tga"},
             {"svg", "image/svg+xml"},   {"webp", "image/webp"},     {"mov", "video/quicktime"},
             {"qt", "video/quicktime"},  {"mp4", "video/mp4"},       {"m4v", "video/x-m4v"},
             {"webm", "video/webm"},     {"avi", "video/x-msvideo"}, {"mkv", "video/x-matroska"},
             {"mpg", "video/mpeg"},      {"mpeg", "video/mpeg"},     {"mxf", "application/mxf"},
             {"wav", "audio/x-wav"},     {"mp3", "audio/mpeg"},      {"aac", "audio/aac"},
             {"pdf", "application/pdf"}, {"zip", "application/zip"}, {"json", "application/json"},
             {"xml", "text/xml"},        {"txt", "text/plain"},      {"csv", "text/csv"},
             {"html", "text/html"}};

const char *fptc__media_type(const char *filename)
{
    const char *dot = strrchr(filename, '.');
    size_t i;

    for (i = 0; dot && i < sizeof(types) / sizeof(types[0]); i++) {
        if (strcasecmp(dot + 1, types[i].extension) == 0)
            return types[i].type;
    }
    return "application/octet-stream";
}
