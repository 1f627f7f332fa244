/*
 * words.c: traces, and how an outcome of Eddy is written in one. words.py has the same words.
 *
 * Invariants: nothing here replaces the current error, except that looking for a missing one does.
 * Threads: one.
 */
#include "oracle.h"

int trace_closed;
/* The last time that could be read: the report hook runs with the library closed. */
static int64_t last_ms;

void event(const char *who, const char *format, ...) {
    int64_t now;
    if (trace_closed) return;
    if (eddy_now(&now) == EDDY_OK) last_ms = now / EDDY_MILLISECONDS(1);
    printf("@%lld %s: ", (long long)last_ms, who);
    va_list list;
    va_start(list, format);
    vprintf(format, list);
    va_end(list);
    putchar('\n');
}

void outcome(const actor_t *actor, const statement_t *statement, const char *format, ...) {
    char text[512];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    event(actor->name, "%s -> %s", statement->text, text);
}

static const char *plain(eddy_status_t status) {
    switch (status) {
    case EDDY_OK: return "ok";
    case EDDY_ECANCELED: return "cancelled";
    case EDDY_ETARGETCANCELED: return "target cancelled";
    case EDDY_EFOREIGNCANCEL: return "foreign cancel";
    case EDDY_ETIMEDOUT: return "timed out";
    case EDDY_ESTOPPED: return "stopped";
    case EDDY_EINTERRUPT: return "interrupted";
    case EDDY_EPENDING: case EDDY_EALREADY: case EDDY_EBADHANDLE: case EDDY_ECLOSED:
    case EDDY_EDEADLK: case EDDY_EBUSY: case EDDY_EINVAL: case EDDY_EPERM: case EDDY_ENOTTASK:
    case EDDY_EWRONGTHREAD:
        return "refused";
    default: return eddy_status_name(status);
    }
}

static void add(char *text, size_t bytes, const char *more) {
    strncat(text, more, bytes - strlen(text) - 1);
}

/* An error as a member of a group: without "failed". */
static void add_error(char *text, size_t bytes, eddy_error_t error) {
    eddy_status_t status = eddy_error_status(error);
    if (status == FAILURE) {
        const char *name = eddy_error_message(error);
        add(text, bytes, name ? name : "(no message)");
    } else if (status == EDDY_EGROUP) {
        add(text, bytes, "[");
        for (size_t each = 0; each < eddy_error_child_count(error); each++) {
            eddy_error_t child;
            if (each) add(text, bytes, ", ");
            if (eddy_error_child(error, each, &child) == EDDY_OK) add_error(text, bytes, child);
        }
        add(text, bytes, "]");
    } else {
        add(text, bytes, plain(status));
    }
}

const char *of_status(eddy_status_t status) {
    static char text[512];
    eddy_error_t error;
    if (status != FAILURE && status != EDDY_EGROUP) return plain(status);
    strcpy(text, "failed ");
    if (eddy_error_current(&error) != EDDY_OK) return "failed (no error)";
    if (eddy_error_status(error) == status) add_error(text, sizeof text, error);
    else add(text, sizeof text, "(another error)");
    eddy_error_release(error);
    return text;
}

const char *of_value(eddy_status_t status, const void *value) {
    static char text[32];
    if (status != EDDY_OK || !value) return of_status(status);
    snprintf(text, sizeof text, "value %lld", (long long)(intptr_t)value);
    return text;
}

const char *of_target(eddy_future_t future, eddy_status_t status, const void *value) {
    eddy_future_info_t info = { .size = sizeof info };
    if (status == EDDY_EPENDING) return "pending";
    /* One that failed because its own target was cancelled has the same status. */
    if (status == EDDY_ETARGETCANCELED && eddy_future_info(future, &info) == EDDY_OK &&
        info.state == EDDY_FUTURE_CANCELED)
        return "it was cancelled";
    return of_value(status, value);
}

const char *quoted(const char *message) {
    static char text[128];
    if (!message || !*message) return "none";
    snprintf(text, sizeof text, "\"%s\"", message);
    return text;
}

/* Is this a name of the scenario, and so perhaps of a failure? */
static int is_failure(const char *word, size_t length) {
    for (int each = scenario->first; each < scenario->after; each++) {
        const statement_t *statement = &program.statements[each];
        if (!is_verb(statement, "fail") && !is_verb(statement, "fail-future")) continue;
        const char *name = statement->words[statement->count - 1];
        if (strlen(name) == length && strncmp(name, word, length) == 0) return 1;
    }
    return 0;
}

eddy_status_t report(void *context, const eddy_report_t *report) {
    const char *end = " \n\t:;,.()\"'";
    char more[80] = "";
    (void)context;
    show_in_reports(more, sizeof more);
    if (report->status == FAILURE) {
        for (const char *at = report->text; *at; at += strspn(at, end)) {
            size_t length = strcspn(at, end);
            if (length && is_failure(at, length)) {
                event("report", "failed %.*s%s", (int)length, at, more);
                return EDDY_OK;
            }
            at += length;
        }
    }
    event("report", "%s: %s%s", plain(report->status), report->text, more);
    return EDDY_OK;
}

void broken(const statement_t *statement, const char *what) {
    fflush(stdout);
    fprintf(stderr, "%s:%d: %s\n", program.path, statement ? statement->number : 0, what);
    exit(2);
}
