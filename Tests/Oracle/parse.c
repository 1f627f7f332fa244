/*
 * parse.c: reads grammar.txt and scenario files, by the same rules as language.py.
 *
 * Owns every text it has read until the process ends.
 * Threads: one.
 */
#define _GNU_SOURCE
#include "oracle.h"

#define MOST_RULES 80
static rule_t rules[MOST_RULES];
static int rules_count;

static int line_number;
static const char *file_name;

static _Noreturn void refuse(const char *what, const char *word) {
    printf("%s:%d: %s%s\n", file_name, line_number, what, word);
    exit(2);
}

static void *or_die(void *memory) {
    if (!memory) refuse("out of memory", "");
    return memory;
}

/* Cuts a line into words in place, its comment off. */
static int cut(char *line, char **words) {
    int count = 0;
    char *rest = NULL;
    line[strcspn(line, "#\n")] = 0;
    for (char *word = strtok_r(line, " \t\r", &rest); word; word = strtok_r(NULL, " \t\r", &rest)) {
        if (count == MOST_WORDS) refuse("too many words", "");
        words[count++] = word;
    }
    return count;
}

/* The text of a statement: its words with one blank between. */
static char *joined(char **words, int count) {
    size_t bytes = 1;
    for (int each = 0; each < count; each++) bytes += strlen(words[each]) + 1;
    char *text = or_die(calloc(1, bytes));
    for (int each = 0; each < count; each++) {
        if (each) strcat(text, " ");
        strcat(text, words[each]);
    }
    return text;
}

static void read_rule(char **words, int count) {
    if (rules_count == MOST_RULES) refuse("too many rules", "");
    rule_t *rule = &rules[rules_count++];
    rule->kind = words[0][0];
    rule->block = words[0][1] == '{';
    rule->verb = or_die(strdup(words[1]));
    for (int each = 2; each < count; each++) {
        size_t length = strlen(rule->arguments);
        if (strlen(words[each]) == 1 && length + 1 < sizeof rule->arguments)
            rule->arguments[length] = words[each][0];
        else
            rule->options[rule->options_count++] = or_die(strdup(words[each]));
    }
}

static FILE *open_file(const char *path) {
    file_name = path;
    line_number = 0;
    FILE *file = fopen(path, "r");
    if (!file) refuse("cannot be read", "");
    return file;
}

void read_grammar(const char *path) {
    char line[512], *words[MOST_WORDS];
    FILE *file = open_file(path);
    while (fgets(line, sizeof line, file)) {
        line_number++;
        int count = cut(line, words);
        if (count > 1) read_rule(words, count);
    }
    fclose(file);
}

int is_verb(const statement_t *statement, const char *verb) {
    return strcmp(statement->rule->verb, verb) == 0;
}

const char *option(const statement_t *statement, const char *name) {
    for (int each = 0; each < statement->pairs; each++)
        if (strcmp(statement->keys[each], name) == 0) return statement->values[each];
    return NULL;
}

int64_t integer(const statement_t *statement, int index, int64_t fallback) {
    return index < statement->count ? atoll(statement->words[index]) : fallback;
}

static const rule_t *find_rule(const char *verb) {
    for (int each = 0; each < rules_count; each++)
        if (strcmp(rules[each].verb, verb) == 0) return &rules[each];
    refuse("no such word: ", verb);
}

/* 0: no option of this rule, 1: a plain one, 2: one that takes a word. */
static int option_kind(const rule_t *rule, const char *word) {
    size_t length = strlen(word);
    for (int each = 0; each < rule->options_count; each++) {
        const char *known = rule->options[each];
        if (strncmp(known, word, length)) continue;
        if (known[length] == 0) return 1;
        if (strcmp(known + length, "=") == 0) return 2;
    }
    return 0;
}

static int is_integer(const char *word) {
    word += *word == '-';
    return *word && word[strspn(word, "0123456789")] == 0;
}

/* The words of a statement behind its verb: arguments, then options. */
static void read_arguments(statement_t *new, char **words, int count) {
    const rule_t *rule = new->rule;
    int next = 0;
    for (const char *kind = rule->arguments; *kind; kind++) {
        if (*kind == '*') {
            for (; next < count; next++) new->words[new->count++] = or_die(strdup(words[next]));
            return;
        }
        int optional = *kind == 'I' || *kind == 'W';
        if (next == count || option_kind(rule, words[next])) {
            if (!optional) refuse("more words are wanted by ", rule->verb);
            break;
        }
        if ((*kind == 'i' || *kind == 'I') && !is_integer(words[next]))
            refuse("a number is wanted in place of ", words[next]);
        new->words[new->count++] = or_die(strdup(words[next++]));
    }
    while (next < count) {
        int kind = option_kind(rule, words[next]);
        if (kind == 0 || (kind == 2 && next + 1 == count) || new->pairs == MOST_OPTIONS)
            refuse("this is not taken here: ", words[next]);
        new->keys[new->pairs] = or_die(strdup(words[next++]));
        new->values[new->pairs++] = kind == 2 ? or_die(strdup(words[next++])) : "";
    }
}

#define DEEPEST 64
static int open_blocks[DEEPEST];
static int depth;

static int is_text(const program_t *program) {
    if (depth == 0) return 0;
    const statement_t *block = &program->statements[open_blocks[depth - 1]];
    return is_verb(block, "asyncio") || is_verb(block, "eddy");
}

/* What may stand where: see language.py. */
static void check_place(const program_t *program, const statement_t *new) {
    char kind = new->rule->kind;
    if (kind == 'S') {
        if (depth) refuse("this stands inside a block: ", new->rule->verb);
        return;
    }
    if (!depth || is_text(program)) refuse("this stands outside a block: ", new->rule->verb);
    const statement_t *home = &program->statements[open_blocks[0]];
    if ((kind == 'T' || kind == 'C') && !is_verb(home, "task"))
        refuse("this is for tasks: ", new->rule->verb);
    if (kind == 'O' && !is_verb(home, "outside"))
        refuse("this is for `outside`: ", new->rule->verb);
    if (kind == 'C' && !is_verb(&program->statements[open_blocks[depth - 1]], "try"))
        refuse("this stands outside a `try`: ", new->rule->verb);
}

static void read_statement(program_t *program, char **words, int count) {
    size_t bytes = sizeof *program->statements;
    if (!program->scenarios_count) refuse("outside a scenario", "");
    program->statements =
        or_die(realloc(program->statements, (size_t)(program->count + 1) * bytes));
    statement_t *new = &program->statements[program->count];
    memset(new, 0, bytes);
    new->rule = find_rule(words[0]);
    new->number = line_number;
    new->text = joined(words, count);
    read_arguments(new, words + 1, count - 1);
    check_place(program, new);
    new->after = program->count + 1;
    if (new->rule->block) {
        if (depth == DEEPEST) refuse("too many blocks inside each other", "");
        open_blocks[depth++] = program->count;
    }
    program->count++;
}

static void end_scenario(program_t *program) {
    if (depth) refuse("a block has no `end`", "");
    if (program->scenarios_count)
        program->scenarios[program->scenarios_count - 1].after = program->count;
}

static void read_scenario(program_t *program, char **words, int count) {
    size_t bytes = sizeof *program->scenarios;
    end_scenario(program);
    if ((count != 4 && count != 6) || strcmp(words[2], "rows") ||
        (count == 6 && strcmp(words[4], "differs")))
        refuse("a scenario is `scenario NAME rows ROW,ROW [differs ROW]`", "");
    program->scenarios =
        or_die(realloc(program->scenarios, (size_t)(program->scenarios_count + 1) * bytes));
    scenario_t *new = &program->scenarios[program->scenarios_count++];
    new->name = or_die(strdup(words[1]));
    new->first = new->after = program->count;
}

void read_program(program_t *program, const char *path) {
    char line[512], *words[MOST_WORDS];
    FILE *file = open_file(path);
    program->path = path;
    while (fgets(line, sizeof line, file)) {
        line_number++;
        if (is_text(program) && line[strspn(line, " \t")] == '|') continue;
        int count = cut(line, words);
        if (count == 0) continue;
        if (strcmp(words[0], "scenario") == 0) {
            read_scenario(program, words, count);
        } else if (strcmp(words[0], "end") == 0) {
            if (!depth || count > 1) refuse("`end` without a block", "");
            program->statements[open_blocks[--depth]].after = program->count;
        } else {
            read_statement(program, words, count);
        }
    }
    end_scenario(program);
    fclose(file);
}
