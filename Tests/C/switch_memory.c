/*
 * Proves eddy_switch.h, Memory: what is mapped is zero and lazily committed, a guard of either kind
 * faults at every page of its range and nowhere else, discarded pages read as zero.
 *
 * Threads: one. The kind of guard is decided once a process, so each kind has a child of its own.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../Sources/EddySwitch/include/eddy_switch.h"
#include "../Switch/switch_check.h"

#define STACK_BYTES ((size_t)256 * 1024)
#define GUARD_BYTES ((size_t)64 * 1024)
#define STACKS 40

static sigjmp_buf after_fault;
static volatile uintptr_t fault_address;

static void on_fault(int number, siginfo_t *info, void *context) {
    (void)number;
    (void)context;
    fault_address = (uintptr_t)info->si_addr;
    siglongjmp(after_fault, 1);
}

static int faults(volatile char *at, int writes) {
    fault_address = 0;
    if (sigsetjmp(after_fault, 1) != 0) return fault_address == (uintptr_t)at;
    if (writes) {
        *at = 1;
    } else {
        (void)*at;
    }
    return 0;
}

static size_t resident_pages(void *low, size_t bytes) {
    static unsigned char pages[8192];
    size_t page = eddy_sw_page_bytes(), count = 0;
    CHECK(bytes / page <= sizeof pages);
    CHECK(mincore(low, bytes, pages) == 0);
    for (size_t i = 0; i < bytes / page; i++) count += pages[i] & 1;
    return count;
}

static int count_mappings(void) {
    FILE *maps = fopen("/proc/self/maps", "r");
    CHECK(maps != NULL);
    int count = 0;
    for (int c = fgetc(maps); c != EOF; c = fgetc(maps)) count += c == '\n';
    fclose(maps);
    return count;
}

static int kernel_has_light_guards(void) {
    size_t page = eddy_sw_page_bytes();
    void *low = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(low != MAP_FAILED);
    int has = madvise(low, page, 102) == 0;
    munmap(low, page);
    return has;
}

static void test_map(void) {
    size_t bytes = (size_t)8 * 1024 * 1024, page = eddy_sw_page_bytes();
    char *low = eddy_sw_map(bytes);
    CHECK(low != NULL);
    CHECK(resident_pages(low, bytes) == 0);
    low[5 * 1024 * 1024] = 1;
    CHECK(resident_pages(low, bytes) == 1);   /* one small page, never a huge one */
    for (size_t i = 0; i < bytes; i += page) CHECK(low[i] == (i == 5 * 1024 * 1024));
    memset(low, 7, 10 * page);
    eddy_sw_discard(low + page, 3 * page);
    CHECK(low[page - 1] == 7 && low[page] == 0 && low[4 * page - 1] == 0 && low[4 * page] == 7);
    eddy_sw_unmap(low, bytes);
    unsigned char any;
    CHECK(mincore(low, page, &any) == -1 && errno == ENOMEM);
    CHECK(eddy_sw_map((size_t)1 << 62) == NULL);
}

static void check_guarded(char *slab) {
    size_t each = GUARD_BYTES + STACK_BYTES, page = eddy_sw_page_bytes();
    for (int i = 0; i < STACKS; i += 13) {
        char *guard = slab + each * (size_t)i;
        for (size_t k = 0; k < GUARD_BYTES; k += page) {
            CHECK(faults(guard + k, 0) && faults(guard + k, 1));
            CHECK(faults(guard + k + page - 1, 0) && faults(guard + k + page - 1, 1));
        }
        CHECK(!faults(guard + GUARD_BYTES, 1) && !faults(guard + each - 1, 1));
    }
}

/* Runs in a child. light: 1 if the guards must need no mappings. */
static void test_guards(int light) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO;
    CHECK(sigaction(SIGSEGV, &action, NULL) == 0);
    CHECK(sigaction(SIGBUS, &action, NULL) == 0);

    CHECK(eddy_sw_guard_is_light() == light);
    size_t each = GUARD_BYTES + STACK_BYTES;
    char *slab = eddy_sw_map(each * STACKS);
    CHECK(slab != NULL);
    int before = count_mappings();
    for (size_t i = 0; i < STACKS; i++) CHECK(eddy_sw_guard(slab + each * i, GUARD_BYTES) == 0);
    int more = count_mappings() - before;
    CHECK(light ? more <= 2 : more >= STACKS);
    check_guarded(slab);
    /* Giving back the stack between two guards leaves both. */
    for (size_t i = 0; i < STACKS; i++) eddy_sw_discard(slab + each * i + GUARD_BYTES, STACK_BYTES);
    check_guarded(slab);
    eddy_sw_unmap(slab, each * STACKS);
    CHECK(eddy_sw_guard(slab, GUARD_BYTES) == -ENOMEM);
}

static void in_child(void (*test)(int), int argument, const char *guard) {
    fflush(NULL);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        if (guard) {
            setenv("EDDY_STACK_GUARD", guard, 1);
        } else {
            unsetenv("EDDY_STACK_GUARD");
        }
        test(argument);
        _exit(0);
    }
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void test_valgrind_guard(void) {
    CHECK(eddy_sw_guard_is_light() == 0);   /* it would not know of them */
    char *low = eddy_sw_map(GUARD_BYTES);
    CHECK(low != NULL && eddy_sw_guard(low, GUARD_BYTES) == 0);
    eddy_sw_unmap(low, GUARD_BYTES);
}

static void test_malloc(void) {
    char *memory = eddy_sw_malloc(100);
    CHECK(memory != NULL);
    memset(memory, 3, 100);
    memory = eddy_sw_realloc(memory, 10000);
    CHECK(memory != NULL && memory[99] == 3);
    eddy_sw_free(memory);
    eddy_sw_free(NULL);
}

int main(void) {
    test_map();
    test_malloc();
    if (RUNNING_ON_VALGRIND) {
        test_valgrind_guard();   /* a fault on purpose is a report there */
    } else {
        in_child(test_guards, kernel_has_light_guards(), NULL);
        in_child(test_guards, kernel_has_light_guards(), "anything else");
        in_child(test_guards, 0, "mprotect");
    }
    puts("switch_memory: ok");
    return 0;
}
