/** Document 2: IPVS in Kubernetes' surroundings; one service by NAT, saved and restored. */
import { masqueraded, type Omission, onDirector, type Tutorial } from "./model.ts";

const NOT_NEEDED =
  "not needed: lvs has no kernel module. On a kernel without ip_vs it fails, on another it loads a module that nothing here uses";

const modules: Omission[] = [
  "modprobe ip_vs",
  "modprobe ip_vs_rr # 轮询调度算法",
  "modprobe ip_vs_wrr # 加权轮询调度算法",
  "modprobe ip_vs_lc # 最少连接调度算法modprobe nf_conntrack_ipv4 # 追踪IPv4连接",
  "modprobe ip_vs_sed # 最短期望延迟调度算法",
  "modprobe ip_vs_nq # 无队列调度算法",
].map((printed) => ({ printed, why: NOT_NEEDED }));

export const configuration: Tutorial = {
  number: 2,
  title: "IPVS简介",
  language: "Chinese",
  exercises: [
    {
      section: "IPVS配置示例",
      plan: masqueraded({
        client: "10.0.0.2/24",
        outside: ["10.0.0.254/24", "192.168.100.1/32"],
        inside: "192.168.100.254/24",
        servers: ["192.168.100.2/24", "192.168.100.3/24"],
      }),
      steps: [
        {
          role: "director",
          printed: "lsmod | grep ip_vs",
          instead: {
            run: ["cat /proc/modules 2>/dev/null | grep ip_vs"],
            why: "what lsmod prints, also on hosts without kmod, and nothing where the kernel has no modules",
          },
          // Whether there is one does not matter.
          prints: /^(.*ip_vs.*\n)*$/,
          status: null,
        },
        ...onDirector(
          "ipvsadm -A -t 192.168.100.1:80 -s rr",
          "ipvsadm -a -t 192.168.100.1:80 -r 192.168.100.2:80 -m",
        ),
        {
          role: "director",
          printed: "ipvsadm -a -t 192.168.100.1:80 -r 192.168.100.3:80 -m#这条命令的含义是:",
          instead: {
            run: ["ipvsadm -a -t 192.168.100.1:80 -r 192.168.100.3:80 -m"],
            why: 'the newline before the explanation ("what this command means:") is missing',
          },
        },
        {
          role: "director",
          printed: "ipvsadm -L -n",
          prints:
            /TCP {2}192\.168\.100\.1:80 rr\n {2}-> 192\.168\.100\.2:80 +Masq +1 .*\n {2}-> 192\.168\.100\.3:80 +Masq +1 /,
        },
        ...onDirector("ipvsadm-save > /etc/ipvs.rules"),
        {
          role: "director",
          printed: "ipvsadm-restore < /etc/ipvs.rules",
          instead: {
            run: ["ipvsadm -C; ipvsadm-restore < /etc/ipvs.rules"],
            why: "it is for the start of the system, when there are no services yet",
          },
        },
        {
          role: "director",
          printed: "(ip_forward)",
          instead: {
            run: ["echo 1 > /proc/sys/net/ipv4/ip_forward"],
            why: "the document takes for granted that the director is a router",
          },
        },
        { url: "http://192.168.100.1/", served: { rs1: 4, rs2: 4 } },
      ],
    },
  ],
  omitted: [
    ...modules,
    { printed: "sudo yum install ipvsadm", why: "installs the original; ours is in bin/" },
  ],
};
