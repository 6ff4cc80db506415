/* Publishes an FLV file with librtmp: librtmp URL FILE. */

#include <librtmp/log.h>
#include <librtmp/rtmp.h>
#include <stdio.h>

int main(int count, char **arguments) {
    static char block[64 << 10];
    if (count != 3) {
        return 2;
    }
    FILE *file = fopen(arguments[2], "rb");
    RTMP *rtmp = RTMP_Alloc();
    if (!file || !rtmp) {
        return 2;
    }
    RTMP_Init(rtmp);
    RTMP_LogSetLevel(RTMP_LOGDEBUG);
    if (!RTMP_SetupURL(rtmp, arguments[1])) {
        return 2;
    }
    RTMP_EnableWrite(rtmp);
    if (!RTMP_Connect(rtmp, NULL) || !RTMP_ConnectStream(rtmp, 0)) {
        fprintf(stderr, "no stream\n");
        return 3;
    }
    size_t size;
    while ((size = fread(block, 1, sizeof block, file)) > 0) {
        /* It takes a file as it is, in any pieces: header, tags and all. */
        if (RTMP_Write(rtmp, block, (int)size) <= 0) {
            fprintf(stderr, "the connection is gone\n");
            return 4;
        }
    }
    RTMP_Close(rtmp);
    RTMP_Free(rtmp);
    return 0;
}
