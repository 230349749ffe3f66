/** Document 4: direct routing of FTP by a mark and of a REST service, with keepalived; the real servers' script. */
import { readFileSync } from "node:fs";
import { type Command, onDirector, segment, type Tutorial } from "./model.ts";

const HOSTS = segment([
  ["client", "192.168.100.1/24"],
  ["director", "192.168.100.244/24", "192.168.100.111/32"],
  ["rs1", "192.168.100.34/24"],
  ["rs2", "192.168.100.35/24"],
]);

/** The document's script, but for two lines. */
const INSTALL_VIP = readFileSync(new URL("../../../lab/tutorials/install_vip.sh", import.meta.url), "utf8");

const script = (printed: string, more: Partial<Command>): Command => ({
  role: "servers",
  printed,
  instead: {
    run: [printed.replace("install_vip.sh", "/root/install_vip.sh")],
    why: "the shell is not in /root",
  },
  ...more,
});

const KEEPALIVED = "what keepalived makes of its configuration; keepalived itself comes with its own issue";

export const fileTransfer: Tutorial = {
  number: 4,
  title: "Keepalived(高可用)和LVS(负载均衡)试用",
  language: "Chinese",
  exercises: [
    {
      section: "创建LVS节点 (real servers)",
      plan: HOSTS,
      steps: [
        {
          role: "servers",
          printed: "创建install_vip.sh脚本文件 (the script)",
          instead: {
            run: [`cat > /root/install_vip.sh <<'END'\n${INSTALL_VIP}END`],
            why:
              "without `source /etc/rc.d/init.d/functions`, a file of Red Hat's of which the script uses nothing, and which sh of other " +
              "systems cannot source; without `sysctl -p`, which would set what the /etc/sysctl.conf of the machine says",
          },
        },
        script("sh install_vip.sh start", { prints: /^RealServer Start OK\n$/ }),
        {
          role: "servers",
          printed: "创建成功后可以看到下图则表示成功 (a picture)",
          instead: {
            run: ["ifconfig lo:0", "cat /proc/sys/net/ipv4/conf/*/arp_ignore"],
            why: "what shows that it worked",
          },
          prints: /inet 192\.168\.100\.111 {2}netmask 255\.255\.255\.255/,
        },
        {
          role: "servers",
          printed: "chmod +x /etc/rc.d/rc.local",
          instead: {
            run: ["touch /etc/rc.local; chmod +x /etc/rc.local"],
            why: "it is a link to rc.d/rc.local",
          },
        },
        { role: "servers", printed: "echo '# for lvs lo:0' >> /etc/rc.local" },
        { role: "servers", printed: "echo '/root/install_vip.sh start' >> /etc/rc.local" },
        {
          role: "director",
          printed: "virtual_server 192.168.100.111 9826 { lb_algo wrr lb_kind DR … }",
          instead: {
            run: [
              "ipvsadm -A -t 192.168.100.111:80 -s wrr",
              "ipvsadm -a -t 192.168.100.111:80 -r 192.168.100.34 -g -w 1",
              "ipvsadm -a -t 192.168.100.111:80 -r 192.168.100.35 -g -w 1",
            ],
            why: `${KEEPALIVED}. At port 80, where these servers listen`,
          },
        },
        { url: "http://192.168.100.111/", served: { rs1: 4, rs2: 4 } },
        {
          role: "director",
          printed: "watch ipvsadm -Ln --stats",
          instead: {
            run: ["TERM=xterm timeout 60 watch ipvsadm -Ln --stats | grep -am 1 Prot"],
            why: "it goes on until somebody ends it, here grep when it has seen a first line",
          },
          prints: /Prot LocalAddress:Port/,
          status: null,
        },
        script("sh install_vip.sh stop", { prints: /^RealServer Stoped\n$/ }),
        {
          role: "servers",
          printed: "(stopped)",
          instead: {
            run: ["ifconfig lo:0 | grep -c 'inet '; cat /proc/sys/net/ipv4/conf/all/arp_ignore"],
            why: "what shows that it worked",
          },
          prints: /^0\n0\n$/,
        },
      ],
    },
    {
      section: "操作iptables (marks)",
      plan: HOSTS,
      steps: [
        ...onDirector(
          "iptables -t mangle -A PREROUTING -p tcp -d 192.168.100.111 --dport 9814 -j MARK --set-mark 300",
          "iptables -t mangle -A PREROUTING -p tcp -d 192.168.100.111 --dport 8000:10000 -j MARK --set-mark 300",
        ),
        {
          role: "director",
          printed: "iptables -t mangle -L",
          prints:
            /^Chain PREROUTING \(policy ACCEPT\)\ntarget +prot opt source +destination *\nMARK +tcp +-- +anywhere +192\.168\.100\.111 +tcp dpt:9814 MARK set 0x12c\nMARK +tcp +-- +anywhere +192\.168\.100\.111 +tcp dpts:8000:(?:10000|webmin) MARK set 0x12c\n/,
        },
        {
          role: "director",
          printed: "virtual_server fwmark 300 { lb_algo wrr lb_kind DR persistence_timeout 900 … }",
          instead: {
            run: [
              "ipvsadm -A -f 300 -s wrr -p 900",
              "ipvsadm -a -f 300 -r 192.168.100.34:9814 -g -w 1",
              "ipvsadm -a -f 300 -r 192.168.100.35:9814 -g -w 1",
            ],
            why: KEEPALIVED,
          },
        },
        {
          role: "director",
          printed: "(what is there)",
          instead: { run: ["ipvsadm -Sn"], why: "what shows that it worked" },
          prints:
            /^-A -f 300 -s wrr -p 900\n-a -f 300 -r 192\.168\.100\.34:9814 -g -w 1\n-a -f 300 -r 192\.168\.100\.35:9814 -g -w 1\n$/,
        },
      ],
    },
  ],
  omitted: [
    { printed: "ftp -nvi 192.168.100.111 9814", why: "`lvs lab ftp` does that, with this configuration" },
    { printed: "systemctl, yum, tar, configure, make, rz", why: "install and start other software" },
    {
      printed: "service iptables save, systemctl enable iptables.service",
      why: "of Red Hat; docs/migration.md has our boot unit",
    },
    { printed: "keepalived.conf, systemctl stop keepalived", why: "keepalived comes with its own issue" },
    { printed: "sh rest-test.sh 192.168.100.111 'xxxx'", why: "the document does not show the script" },
  ],
};
