//! Jails, name spaces and capabilities: systemd and containers do this better.

use super::family::Family;
use super::{Group, Row, Verdict};

pub(super) const ROWS: &[Row] = &[];

const fn family(help: &'static str, verdict: Verdict, values: &'static [&'static str]) -> Family {
    Family::new(Group::Isolation, help, verdict, values)
}

pub(super) const FAMILIES: &[Family] = &[
    family(
        "another root directory",
        Verdict::Refused(
            "run the server in a container, or set RootDirectory= in its systemd unit",
        ),
        &["chroot", "pivot-root", "pivot_root"],
    ),
    family(
        "capabilities",
        Verdict::Refused("set AmbientCapabilities= and CapabilityBoundingSet= in the systemd unit"),
        &["cap"],
    ),
    family(
        "control groups",
        Verdict::Refused("let systemd or the container runtime set them"),
        &["cgroup", "cgroup-dir-mode", "cgroup-opt"],
    ),
    family(
        "name spaces",
        Verdict::Refused(
            "run the server in a container, or use PrivateTmp= and its kin in the systemd unit",
        ),
        &[
            "namespace",
            "namespace-keep-mount",
            "namespace-net",
            "ns",
            "ns-net",
            "setns",
            "setns-skip",
            "setns-socket",
            "setns-socket-skip",
            "unshare",
            "unshare2",
        ],
    )
    .flags(&["setns-preopen"]),
    family(
        "jails of FreeBSD",
        Verdict::Refused("run the server in a container"),
        &[
            "jail",
            "jail-attach",
            "jail-ip4",
            "jail-ip6",
            "jail2",
            "jid-file",
            "jidfile",
            "libjail",
        ],
    )
    .flags(&["jailed"]),
    family(
        "patches of the running program",
        Verdict::Refused("leave it out"),
        &[
            "privileged-binary-patch",
            "privileged-binary-patch-arg",
            "unprivileged-binary-patch",
            "unprivileged-binary-patch-arg",
        ],
    ),
    family(
        "network devices and remote file systems",
        Verdict::Refused("set them up outside of the server"),
        &[
            "tuntap-device",
            "tuntap-device-rule",
            "tuntap-router",
            "tuntap-router-firewall-in",
            "tuntap-router-firewall-out",
            "tuntap-router-route",
            "tuntap-router-stats",
            "glusterfs-mount",
            "glusterfs-timeout",
            "rados-mount",
            "rados-timeout",
        ],
    )
    .optional(&["tuntap-use-credentials"]),
];
