/*
 * oracle.h: what the files of the Eddy driver share. A program is one scenario file in statements;
 * an actor runs statements: a task, a callback, or the code outside the loop.
 *
 * Invariants: one scenario at a time; names stand in one table that is emptied for each.
 * Threads: one.
 */
#ifndef ORACLE_H
#define ORACLE_H

#include "eddy.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The status of what `fail NAME` raises; the name is its error's message. */
#define FAILURE ((eddy_status_t)-9000)

/* ---- The language (parse.c) ------------------------------------------------------------------ */

#define MOST_WORDS 24
#define MOST_OPTIONS 8

typedef struct rule {
    char kind;                          /* S, T, A, O or C, as in grammar.txt */
    int block;
    const char *verb;
    char arguments[4];
    const char *options[MOST_OPTIONS];  /* with "=" at the end if they take a word */
    int options_count;
} rule_t;

typedef struct statement {
    const rule_t *rule;
    int number;                         /* of its line */
    const char *text;                   /* as a trace shows it */
    const char *words[MOST_WORDS];
    int count;
    const char *keys[MOST_OPTIONS];
    const char *values[MOST_OPTIONS];
    int pairs;
    int after;                          /* index of the statement behind it and all inside it */
} statement_t;

typedef struct scenario {
    const char *name;
    int first, after;                   /* indices of its statements */
} scenario_t;

typedef struct program {
    const char *path;
    statement_t *statements;
    int count;
    scenario_t *scenarios;
    int scenarios_count;
} program_t;

void read_grammar(const char *path);
/* Ends the process with status 2 and "file:line: what" for a file that is wrong. */
void read_program(program_t *program, const char *path);
int is_verb(const statement_t *statement, const char *verb);
/* The value of an option, "" of a plain one, or NULL. */
const char *option(const statement_t *statement, const char *name);
int64_t integer(const statement_t *statement, int index, int64_t fallback);

/* ---- Names (things.c) ------------------------------------------------------------------------ */

enum { THING_TASK = 1, THING_FUTURE, THING_SCOPE, THING_VARIABLE, THING_TOKEN, THING_CONTEXT,
    THING_CALLBACK, THING_HANDLE, THING_COMPLETIONS };

typedef struct thing {
    const char *name;
    int kind;
    int dropped;
    uint64_t id;                        /* of the handle */
    const statement_t *body;            /* of a task or callback */
    eddy_var_t variable;
} thing_t;

typedef struct actor {
    const char *name;
    thing_t *self;                      /* of a task, else NULL */
    int leaving;                        /* `return` has been met */
    int64_t value;                      /* what it returns; 0: nothing */
    eddy_status_t flying;               /* the failure that an `on` clause handles */
} actor_t;

thing_t *thing_at(int index);           /* NULL behind the last */
thing_t *new_thing(int kind, const char *name);
thing_t *find_thing(const char *name);
thing_t *need_thing(const statement_t *statement, const char *name, int kind);
eddy_future_t future_of(const statement_t *statement, const char *name);
actor_t *new_actor(thing_t *self);
void forget_things(void);

/* ---- Traces (words.c) ------------------------------------------------------------------------ */

extern int trace_closed;
void event(const char *who, const char *format, ...) EDDY_PRINTF(2, 3);
void outcome(const actor_t *actor, const statement_t *statement, const char *format, ...)
    EDDY_PRINTF(3, 4);
const char *of_status(eddy_status_t status);
const char *of_value(eddy_status_t status, const void *value);
/* The outcome of a future as one reads it there. */
const char *of_target(eddy_future_t future, eddy_status_t status, const void *value);
const char *quoted(const char *message);
eddy_status_t report(void *context, const eddy_report_t *report);
/* Adds the value of the variable that reports show, if any. */
void show_in_reports(char *text, size_t bytes);
void show_nothing_in_reports(void);
void broken(const statement_t *statement, const char *what);

/* ---- Running (run.c), statements (waits.c, acts.c, calls.c, values.c, several.c) ------------ */

typedef eddy_status_t (*act_fn)(actor_t *actor, const statement_t *statement);
typedef struct act {
    const char *verb;
    act_fn run;
} act_t;
extern const act_t waits[];
extern const act_t acts[];
extern const act_t calls[];
extern const act_t values[];
extern const act_t several[];
/* The event of a future that is a gather and has its values; 0 if it is none or has not. */
int say_gathered(actor_t *actor, const statement_t *statement, const thing_t *thing);

/* The event of a statement that does not wait; the actor goes on. The second is silent on success.
 */
eddy_status_t said(actor_t *actor, const statement_t *statement, eddy_status_t status);
eddy_status_t done_now(actor_t *actor, const statement_t *statement, eddy_status_t status);

extern program_t program;
extern const scenario_t *scenario;
extern eddy_loop_t the_loop;

eddy_status_t run_block(actor_t *actor, const statement_t *first, const statement_t *last);
eddy_status_t run_inside(actor_t *actor, const statement_t *block);
/* A task function; its context is the task's actor. */
eddy_status_t run_body(void *context);
const statement_t *find_body(const char *verb, const char *name);
/* `run NAME` outside the loop. */
eddy_status_t run_root(actor_t *actor, const char *name);
/* Closes the loop; nothing can be read from it any more. */
eddy_status_t close_loop(void);
int is_closed(void);

#endif
