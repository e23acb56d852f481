/* Writes a capture of many PostgreSQL connections to standard output.
 *
 * connections open N                   the file's header, then N connections opened and logged in, each in 6 packets
 * connections query N ROUNDS [BEFORE]  goes on after BEFORE such rounds: each connection sends ROUNDS queries and gets their
 *                                      replies, scattered over the connections so that no two neighbours in time are
 *                                      neighbours in a table
 * connections busy N                   the file's header, then N connections opened, logged in, and asked what is never answered
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PORTS = 20000, FIRST_PORT = 20000, STRIDE = 611953, SYN = 2, PUSH = 8, ACK = 16 };

static const char startup[] = "\0\0\0\x22\0\x03\0\0user\0bench\0database\0shop\0\0";
static const char welcome[] = "R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I";
static const char reply[] = "T\0\0\0\x1a\0\x01n\0\0\0\0\0\0\0\0\0\0\x17\0\x04\xff\xff\xff\xff\0\0"
                            "D\0\0\0\x0b\0\x01\0\0\0\x01"
                            "7C\0\0\0\x0dSELECT 1\0Z\0\0\0\x05I";
enum { STARTUP = 34, WELCOME = 15, REPLY = 27 + 12 + 14 + 6, QUERY = 5 + 47 };

static uint64_t now = 1700000000ull * 1000000;

static void put16(uint8_t *to, uint32_t value) { to[0] = value >> 8, to[1] = value; }
static void put32(uint8_t *to, uint32_t value) { put16(to, value >> 16), put16(to + 2, value); }

/* One Ethernet frame of connection `i`, a microsecond after the last. */
static void frame(uint32_t i, int from_server, int flags, uint32_t sequence, uint32_t acknowledgment, const void *payload,
                  uint32_t length) {
  uint8_t frame[54 + 128] = {[12] = 8, [14] = 0x45, [22] = 64, [23] = 6};
  uint32_t total = 54 + length, client = 0x0a010000 + i / PORTS, server = 0x0a000005;
  uint32_t record[4] = {now / 1000000, now % 1000000, total, total};
  uint32_t sum = 0;
  now++;
  put16(frame + 16, total - 14);
  put32(frame + 26, from_server ? server : client);
  put32(frame + 30, from_server ? client : server);
  for (int at = 14; at < 34; at += 2) sum += frame[at] << 8 | frame[at + 1];
  sum = (sum & 0xffff) + (sum >> 16);
  put16(frame + 24, ~(sum + (sum >> 16)));
  put16(frame + 34, from_server ? 5432 : FIRST_PORT + i % PORTS);
  put16(frame + 36, from_server ? FIRST_PORT + i % PORTS : 5432);
  put32(frame + 38, sequence);
  put32(frame + 42, acknowledgment);
  frame[46] = 0x50;
  frame[47] = flags;
  put16(frame + 48, 64000);
  memcpy(frame + 54, payload, length);
  fwrite(record, sizeof record, 1, stdout);
  fwrite(frame, total, 1, stdout);
}

static void open_one(uint32_t i) {
  frame(i, 0, SYN, 1000, 0, "", 0);
  frame(i, 1, SYN | ACK, 5000, 1001, "", 0);
  frame(i, 0, ACK, 1001, 5001, "", 0);
  frame(i, 0, ACK | PUSH, 1001, 5001, startup, STARTUP);
  frame(i, 1, ACK | PUSH, 5001, 1001 + STARTUP, welcome, WELCOME);
  frame(i, 0, ACK, 1001 + STARTUP, 5001 + WELCOME, "", 0);
}

static void ask_one(uint32_t i, uint32_t round) {
  uint32_t sequence = 1001 + STARTUP + round * QUERY, acknowledgment = 5001 + WELCOME + round * REPLY;
  char query[QUERY + 1] = "Q\0\0\0\x33";
  snprintf(query + 5, sizeof query - 5, "SELECT note FROM purchases WHERE number = %04u", (i + round) % 10000);
  frame(i, 0, ACK | PUSH, sequence, acknowledgment, query, QUERY);
}

static void query_one(uint32_t i, uint32_t round) {
  ask_one(i, round);
  frame(i, 1, ACK | PUSH, 5001 + WELCOME + round * REPLY, 1001 + STARTUP + (round + 1) * QUERY, reply, REPLY);
}

int main(int arguments, char **argument) {
  static const uint32_t header[6] = {0xa1b2c3d4, 4 << 16 | 2, 0, 0, 65535, 1};
  uint32_t number = arguments > 2 ? strtoul(argument[2], NULL, 10) : 0;
  uint32_t rounds = arguments > 3 ? strtoul(argument[3], NULL, 10) : 0;
  uint32_t before = arguments > 4 ? strtoul(argument[4], NULL, 10) : 0;
  if (number == 0) {
    fprintf(stderr, "usage: connections open N | connections busy N | connections query N ROUNDS [BEFORE]\n");
    return 64;
  }
  int busy = strcmp(argument[1], "busy") == 0;
  if (busy || strcmp(argument[1], "open") == 0) {
    fwrite(header, sizeof header, 1, stdout);
    for (uint32_t i = 0; i < number; i++) {
      open_one(i);
      if (busy) ask_one(i, 0);
    }
  } else {
    now += 6ull * number + 2ull * number * before;
    for (uint32_t round = before; round < before + rounds; round++)
      for (uint32_t i = 0; i < number; i++) query_one((uint64_t)i * STRIDE % number, round);
  }
  return fflush(stdout) == 0 ? 0 : 1;
}
