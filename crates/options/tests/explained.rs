//! What `explain` says about lines that are easily misread, and about what a file leaves out.

use options::explain::{Explanation, explain};
use options::fake::Fake;

fn explained(options: &str) -> Explanation {
    let machine = Fake::default().file("a.ini", format!("[uwsgi]\n{options}"));
    explain("a.ini", &[], &machine).expect("an explanation")
}

/// Everything that is said about one line.
fn about(options: &str, line: u32) -> Vec<String> {
    let explanation = explained(options);
    let lines = explanation.lines.iter();
    lines
        .filter(|one| one.number == line)
        .flat_map(|one| {
            let readings = one.readings.iter();
            let mut said: Vec<String> = readings
                .flat_map(|reading| {
                    let remarks = reading.remarks.iter().map(|remark| remark.text.clone());
                    std::iter::once(reading.sentence.clone()).chain(remarks)
                })
                .collect();
            said.extend(one.remarks.iter().map(|remark| remark.text.clone()));
            said
        })
        .collect()
}

#[track_caller]
fn says(options: &str, wanted: &str) {
    let said = about(options, 2);
    assert!(
        said.iter().any(|text| text.contains(wanted)),
        "{options}: {said:#?}"
    );
}

fn advice(options: &str) -> String {
    let advice = explained(options).advice;
    let texts: Vec<String> = advice.into_iter().map(|remark| remark.text).collect();
    texts.join("\n")
}

#[test]
fn values_that_are_not_what_they_seem() {
    says("daemonize = true\n", "it names a file called `true`");
    says("env = A=\"b c\"\n", "the quotes are part of the value");
    says(
        "attach-daemon = celery \\\n",
        "no line goes on in the next one",
    );
    says(
        "buffer-size = 32k\n",
        "uWSGI knows no units and reads `32k` as 32; here it is 32768 bytes",
    );
    says("harakiri = 2m\n", "reads `2m` as 2; here it is 120 seconds");
    says("plugins = http,python27\n", "Python 2 is not served");
    says(
        "processes = $(WORKERS)\n",
        "there is nothing named $(WORKERS)",
    );
    says("http-socket :8000\n", "write `http-socket = :8000`");
    says("env DEBUG=1\n", "write `env = DEBUG=1`");
    says("stats = 127.0.0.1:9191  ; graphs\n", "is read as 9191");
}

/// The shell replaces them in commands, and rules mean variables of the request by them.
#[test]
fn dollar_signs_that_somebody_replaces_later() {
    for line in [
        "exec-asap = echo $HOME",
        "exec-pre-app = echo ${HOME}",
        "attach-daemon = celery -A $APP worker",
        "attach-daemon2 = cmd=celery -A $APP worker",
        "smart-attach-daemon = /run/x.pid celery -A $APP",
        "cron = 0 0 -1 -1 -1 echo $HOME",
        "unique-cron = 0 0 -1 -1 -1 echo $HOME",
        "hook-post-fork = exec:echo $HOME",
        "alarm = a cmd:echo $HOME",
        "route-if = equal:${PATH_INFO};/x break:403",
        "route-run = addvar:X=${REMOTE_ADDR}",
        "final-route = ^/x log:${HTTP_HOST}",
        "env = A=@(exec://echo $HOME)",
    ] {
        let said = about(&format!("{line}\n"), 2).concat();
        assert!(!said.contains("is not replaced"), "{line}: {said}");
    }
    says("env = A=$HOME\n", "`$HOME` is not replaced");
    says("hook-post-fork = chdir:$HOME\n", "`$HOME` is not replaced");
    says("chdir = ${HOME}/exec:x\n", "`$HOME` is not replaced");
}

#[test]
fn seconds_and_plain_numbers_need_no_word_about_units() {
    let said = about("harakiri = 30s\n", 2).concat() + &about("buffer-size = 32768\n", 2).concat();
    assert!(!said.contains("units"), "{said}");
}

#[test]
fn a_comment_behind_a_value_is_one_remark() {
    let said = about("processes = 4  # all of them\n", 2);
    let remarks = said.iter().filter(|text| text.contains("# all of them"));
    assert_eq!(remarks.count(), 1, "{said:#?}");
    says(
        "strict = true  ; no slips\n",
        "comments need a line of their own",
    );
}

#[test]
fn magic_and_loops_show_what_comes_out() {
    says("chdir = %d\n", "here the value is `/start/`");
    let plain = about("log-format = 100%%\n", 2).concat();
    assert!(!plain.contains("here the value is"), "{plain}");
    let looped = about("for = a b\nenv = X%(_)=1\nendfor =\n", 3);
    let wanted = "it counts 2 times here, in the end with the value `Xb=1`";
    assert!(looped.iter().any(|text| text == wanted), "{looped:#?}");
}

#[test]
fn a_line_that_a_percent_sign_pulled_up_says_so() {
    let said = about("module = %APP%\nmaster = true\n", 3);
    assert_eq!(said, ["it belongs to the line above, which ends in a `%`"]);
}

#[test]
fn what_only_together_means_something() {
    let plain = advice("http-socket = :8000\nmodule = app\n");
    assert!(plain.contains("master: without it"), "{plain}");
    assert!(plain.contains("SIGTERM"), "{plain}");
    let whole = "master = true\ndie-on-term = true\nneed-app = true\nharakiri = 9\nthreads = 1\nbuffer-size = 8192\n";
    assert_eq!(advice(&format!("http-socket = :8000\n{whole}")), "");
    for (options, wanted) in [
        (
            "socket = /run/a.sock\nchmod-socket = 660\n",
            "chown-socket = www-data:nginx",
        ),
        (
            "http-socket = :8000\nchmod-socket = 660\n",
            "no unix socket is opened",
        ),
        (
            "socket = :8000\nhttp-timeout = 9\n",
            "no socket of this file speaks HTTP",
        ),
        (
            "http-socket = :8000\nuid = www-data\n",
            "gid: with `uid` alone",
        ),
        (
            "http-socket = :8000\nlogto = /var/log/a.log\n",
            "growing without end",
        ),
        (
            "http-socket = :8000\nprocesses = 4\nlazy-apps = true\n",
            "4 times the memory",
        ),
        (
            "http-socket = :8000\nprocesses = 2\ncheaper = 4\n",
            "is not below `processes`",
        ),
        ("http-socket = :80\n", "the app runs as root"),
    ] {
        let said = advice(&format!("{whole}{options}"));
        assert!(
            said.contains(wanted) && said.lines().count() == 1,
            "{options}: {said}"
        );
    }
    let refused = advice(&format!(
        "http-socket = :8000\n{}",
        whole.replace("need-app = true\n", "")
    ));
    assert!(refused.contains("exit code 22"), "{refused}");
    let kept = advice(&format!(
        "http-socket = :8000\n{}",
        whole.replace("need-app = true", "need-app = false")
    ));
    assert_eq!(kept, "", "off is off here as well");
    says(
        "need-app = false\n",
        "off (stop when the app cannot be loaded)",
    );
    let implied = advice(&format!(
        "{}stats = :1\n",
        whole.replace("master = true\n", "")
    ));
    assert!(!implied.contains("master:"), "{implied}");
}

#[test]
fn the_short_form_of_odd_values_can_be_read() {
    for options in [
        "threads = 0\n",
        "threads = true\n",
        "http-socket = :8000 ; here\n",
        "vacuum = true ; yes\nlisten = 5 # five\n",
    ] {
        let native = explained(&format!("module = app\nsocket = :1\n{options}")).native;
        let machine = Fake::default().file("native.ini", &native);
        let loaded = options::look_at(["native.ini".into()].into_iter(), &[], &machine);
        assert_eq!(loaded.problems, [], "{options}{native}");
        assert!(!native.contains([';', '#']), "{native}");
    }
}

#[test]
fn the_values_of_a_configuration_are_those_that_count() {
    let text = "[uwsgi]\nmodule = app\nhttp-socket = :1 ; door\nprocesses = 4 # four\nmaster = true ; yes\n";
    let machine = Fake::default().file("a.ini", text);
    let loaded = options::look_at(["a.ini".into()].into_iter(), &[], &machine);
    let shown = loaded.values_text(false, false);
    let values: Vec<&str> = shown
        .lines()
        .map(|line| line.split("  #").next().unwrap_or_default().trim_end())
        .collect();
    let wanted = [
        "module = app",
        "http-socket = :1",
        "processes = 4",
        "master = true",
    ];
    assert_eq!(values, wanted);
}

/// The line above a YAML list names the option and has no value: it must not stand there without a word.
#[test]
fn the_head_of_a_list() {
    let text = "uwsgi:\n  env:  # of the app\n    - A=1\n    - B=2\n  module: a\n";
    let machine = Fake::default().file("a.yaml", text);
    let explanation = explain("a.yaml", &[], &machine).expect("an explanation");
    let said: Vec<_> = explanation
        .lines
        .iter()
        .map(|line| line.remarks.iter().map(|remark| remark.text.as_str()))
        .map(Iterator::collect::<Vec<_>>)
        .collect();
    let head = vec!["each item below is one value of `env`"];
    assert_eq!(said, [vec![], head, vec![], vec![], vec![]]);
}

#[test]
fn an_app_below_a_path_in_xml_is_an_option() {
    let text = "<uwsgi>\n<socket>:1</socket>\n<app mountpoint=\"/a\">\n<script>one</script>\n</app>\n<app mountpoint=\"/b\">two</app>\n</uwsgi>\n";
    let machine = Fake::default().file("a.xml", text);
    let loaded = options::look_at(["a.xml".into()].into_iter(), &[], &machine);
    let said = options::render_notices(&loaded.notices, false);
    assert!(
        loaded.problems.is_empty() && !said.contains("no option"),
        "{said}"
    );
    let mounts = loaded.as_uwsgi_shows_it();
    assert!(
        mounts.contains("mount = /a=one\n") && mounts.contains("mount = /b=two\n"),
        "{mounts}"
    );
    let explanation = explain("a.xml", &[], &machine)
        .expect("an explanation")
        .text(false);
    assert!(explanation.contains("an app below a path"), "{explanation}");
    assert!(!explanation.contains("did you mean"), "{explanation}");
}

#[test]
fn strftime_in_the_request_line_is_not_what_uwsgi_does() {
    says("log-format-strftime = true\n", "uWSGI 2.0 writes `%Y`");
}

#[test]
fn a_variable_that_env_removes_is_removed_in_the_short_form() {
    let native = explained("env = A\nenv = B=1\nenv = =x\nenv =\n").native;
    assert!(native.contains("unenv = A\nenv = B=1\n"), "{native}");
    assert!(
        !native.contains("=x") && !native.contains("env = A\nenv = A"),
        "{native}"
    );
}

#[test]
fn strict_is_about_every_line() {
    says("vaccum = 1\nstrict = true\n", "`strict` ends the start");
    says("vaccum = 1\n", "so the line does nothing");
}
