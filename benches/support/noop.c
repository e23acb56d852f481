/* Reads every packet of a capture through libpcap and does nothing with it: the yardstick of benches/offline. */
#include <pcap/pcap.h>
#include <stdio.h>

static void count(u_char *total, const struct pcap_pkthdr *header, const u_char *bytes) {
  (void)header;
  (void)bytes;
  ++*(unsigned long *)total;
}

int main(int arguments, char **argument) {
  char error[PCAP_ERRBUF_SIZE];
  unsigned long total = 0;
  if (arguments != 2) {
    fprintf(stderr, "usage: noop FILE\n");
    return 64;
  }
  pcap_t *capture = pcap_open_offline(argument[1], error);
  if (capture == NULL) {
    fprintf(stderr, "noop: %s\n", error);
    return 66;
  }
  int end = pcap_loop(capture, -1, count, (u_char *)&total);
  pcap_close(capture);
  printf("%lu\n", total);
  return end == 0 ? 0 : 1;
}
