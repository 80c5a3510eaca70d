"""What foreign code may ask of the kernel: what Python needs to compute, to write in /tmp and to run threads.

Everything else does not exist for it (ENOSYS, which the C library takes for an older kernel and goes around); what
programs ask for by intent is refused as forbidden (EPERM): another process, a socket, a signal to somebody. So new
system calls of new kernels are out until somebody lets them in. What is a program of BPF is at the end: the kernel
runs it before each call, over {number 4, architecture 4, instruction pointer 8, arguments 6 × 8 bytes}.
"""

import errno
import struct

ALLOWED = """
read 0 63 | write 1 64 | readv 19 65 | writev 20 66 | pread64 17 67 | pwrite64 18 68 | close 3 57
close_range 436 436 | lseek 8 62 | fstat 5 80 | stat 4 - | lstat 6 - | newfstatat 262 79 | statx 332 291
access 21 - | faccessat 269 48 | faccessat2 439 439 | open 2 - | openat 257 56 | readlink 89 -
readlinkat 267 78 | getcwd 79 17 | chdir 80 49 | fchdir 81 50 | mkdir 83 - | mkdirat 258 34 | rmdir 84 -
unlink 87 - | unlinkat 263 35 | rename 82 - | renameat 264 38 | renameat2 316 276 | ftruncate 77 46
truncate 76 45 | fsync 74 82 | fdatasync 75 83 | getdents64 217 61 | dup 32 23 | dup2 33 - | dup3 292 24
fcntl 72 25 | ioctl 16 29 | flock 73 32 | umask 95 166 | chmod 90 - | fchmod 91 52 | fchmodat 268 53
utimensat 280 88 | statfs 137 43 | fstatfs 138 44 | fadvise64 221 223 | copy_file_range 326 285 | sendfile 40 71
pipe 22 - | pipe2 293 59 | poll 7 - | ppoll 271 73 | select 23 - | pselect6 270 72 | epoll_create 213 -
epoll_create1 291 20 | epoll_ctl 233 21 | epoll_wait 232 - | epoll_pwait 281 22 | eventfd2 290 19
socketpair 53 199 | recvfrom 45 207 | sendto 44 206 | recvmsg 47 212 | sendmsg 46 211 | shutdown 48 210
getsockopt 55 209 | setsockopt 54 208 | mmap 9 222 | munmap 11 215 | mprotect 10 226 | mremap 25 216
madvise 28 233 | brk 12 214 | membarrier 324 283 | rseq 334 293 | futex 202 98 | set_robust_list 273 99
get_robust_list 274 100 | set_tid_address 218 96 | rt_sigaction 13 134 | rt_sigprocmask 14 135
rt_sigreturn 15 139 | rt_sigsuspend 130 133 | rt_sigpending 127 136 | rt_sigtimedwait 128 137
sigaltstack 131 132 | restart_syscall 219 128 | tgkill 234 131 | alarm 37 - | setitimer 38 103 | getitimer 36 102
pause 34 - | clock_gettime 228 113 | clock_getres 229 114 | clock_nanosleep 230 115 | nanosleep 35 101
gettimeofday 96 169 | time 201 - | times 100 153 | getrusage 98 165 | sysinfo 99 179 | uname 63 160
getcpu 309 168 | sched_yield 24 124 | sched_getaffinity 204 123 | getpid 39 172 | getppid 110 173
gettid 186 178 | getuid 102 174 | geteuid 107 175 | getgid 104 176 | getegid 108 177 | getgroups 115 158
getpgrp 111 - | getpgid 121 155 | getsid 124 156 | getresuid 118 148 | getresgid 120 150 | getrandom 318 278
prlimit64 302 261 | getrlimit 97 163 | setrlimit 160 164 | arch_prctl 158 - | execve 59 221 | exit 60 93
exit_group 231 94 | wait4 61 260 | waitid 247 95
"""
"""name, number on x86-64, number on 64-bit ARM (which has no older forms)"""
FORBIDDEN = """
fork 57 - | vfork 58 - | kill 62 129 | tkill 200 130 | ptrace 101 117 | socket 41 198 | connect 42 203
bind 49 200 | unshare 272 97 | mount 165 40 | setns 308 268 | prctl 157 167 | process_vm_readv 310 270
pidfd_open 434 434
"""
CLONE = {"x86_64": 56, "aarch64": 220}
"""Threads are made with it, and processes: its first argument says which."""
CLONE_THREAD = 0x00010000
AUDIT_ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
X32 = 0x40000000
"""Calls of x86-64's 32-bit pointers: the same calls under numbers that a list does not know."""

LOAD, EQUAL, AT_LEAST, BITS, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06  # BPF: ld abs; jeq, jge, jset; ret
NUMBER_AT, ARCHITECTURE_AT, FIRST_ARGUMENT_AT = 0, 4, 16
KILL_PROCESS, ERROR, ALLOW = 0x80000000, 0x00050000, 0x7FFF0000


def numbers(table: str, machine: str) -> list[int]:
    """Returns the numbers that a table has for a machine ("x86_64", "aarch64")."""
    column = ("x86_64", "aarch64").index(machine) + 1
    rows = [entry.split() for line in table.strip().splitlines() for entry in line.split("|")]
    return [int(row[column]) for row in rows if row[column] != "-"]


def filter_program(machine: str) -> bytes:
    """Returns the filter for a machine, 8 bytes an instruction: code, jump if true, jump if false, value."""
    lines = [
        (LOAD, 0, 0, ARCHITECTURE_AT),
        (EQUAL, 1, 0, AUDIT_ARCHITECTURE[machine]),
        (RETURN, 0, 0, KILL_PROCESS),  # 32-bit calls, under numbers of their own
        (LOAD, 0, 0, NUMBER_AT),
    ]
    if machine == "x86_64":
        lines += [(AT_LEAST, 0, 1, X32), (RETURN, 0, 0, KILL_PROCESS)]
    lines += [
        (EQUAL, 0, 4, CLONE[machine]),
        (LOAD, 0, 0, FIRST_ARGUMENT_AT),
        (BITS, 0, 1, CLONE_THREAD),
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, ERROR | errno.EPERM),
    ]
    for table, answer in ((ALLOWED, ALLOW), (FORBIDDEN, ERROR | errno.EPERM)):
        for number in numbers(table, machine):
            lines += [(EQUAL, 0, 1, number), (RETURN, 0, 0, answer)]
    lines.append((RETURN, 0, 0, ERROR | errno.ENOSYS))
    return b"".join(struct.pack("=HBBI", *line) for line in lines)
