/*
 * eddy_fail, the one variadic function of eddy.h: Swift cannot define it. It makes the text;
 * eddy_fail_text does the rest.
 *
 * Threads: as eddy_fail_text.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include "eddy.h"
#include "eddy_switch.h"

eddy_status_t eddy_fail(eddy_status_t status, const char *format, ...) {
    if (!format) return eddy_fail_text(status, NULL);
    char local[512];
    char *text = local;
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(local, sizeof local, format, arguments);
    va_end(arguments);
    if (length < 0) {
        text = NULL;   /* a wide string that cannot be written: no message, not half of one */
    } else if ((size_t)length >= sizeof local) {
        char *whole = eddy_sw_malloc((size_t)length + 1);
        if (whole) {
            vsnprintf(whole, (size_t)length + 1, format, again);
            text = whole;
        }
    }
    va_end(again);
    eddy_status_t result = eddy_fail_text(status, text);
    if (text != local) eddy_sw_free(text);
    return result;
}
