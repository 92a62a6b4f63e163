//! The access log against lines that a real uWSGI 2.0.30 wrote for the same requests.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use observe::{AccessLog, AccessSettings, RequestRecord, Selection, Style, Via};
use wire::http1::{Limits, Progress, parse_request};
use wire::{Head, uwsgi};

/// The head of an HTTP request.
fn http(text: &str) -> Head {
    let mut head = Head::new();
    let progress = parse_request(text.as_bytes(), &Limits::default(), &mut head).unwrap();
    assert!(matches!(progress, Progress::Complete(_)));
    head
}

/// What curl sends, with some more fields.
fn curl(request_line: &str, fields: &str) -> Head {
    http(&format!(
        "{request_line} HTTP/1.1\r\nHost: 127.0.0.1:18731\r\nUser-Agent: curl/7.88.1\r\n\
         Accept: */*\r\n{fields}\r\n"
    ))
}

/// The head of a request that a web server passed on.
fn cgi(variables: &[(&str, &[u8])]) -> Head {
    let mut body = Vec::new();
    for text in variables
        .iter()
        .flat_map(|(name, value)| [name.as_bytes(), *value])
    {
        body.extend_from_slice(&(text.len() as u16).to_le_bytes());
        body.extend_from_slice(text);
    }
    let mut packet = vec![0];
    packet.extend_from_slice(&(body.len() as u16).to_le_bytes());
    packet.push(0);
    packet.extend_from_slice(&body);
    let mut head = Head::new();
    let progress = uwsgi::parse_packet(&packet, 65_535, &mut head).unwrap();
    assert!(matches!(progress, uwsgi::Progress::Complete(_)));
    head
}

/// The first answer in uWSGI's log.
fn answered(head: &Head) -> RequestRecord<'_> {
    RequestRecord {
        head: Some(head),
        remote_addr: "127.0.0.1",
        remote_port: 40_000,
        server_name: "vm",
        server_port: "18731",
        status: 200,
        body_bytes: 5,
        header_bytes: 45,
        header_count: 1,
        started_micros: 1_795_271_265_322_664,
        duration_micros: 305,
        worker: 1,
        pid: 7_937,
        app: 0,
        worker_requests: 1,
        total_requests: 1,
        switches: 1,
        ..RequestRecord::default()
    }
}

fn line(settings: &AccessSettings, record: &RequestRecord<'_>) -> String {
    let mut out = b"before\n".to_vec();
    AccessLog::new(settings).0.log(&mut out, record);
    let text = String::from_utf8(out).unwrap();
    let line = text
        .strip_prefix("before\n")
        .unwrap()
        .strip_suffix('\n')
        .unwrap();
    assert!(!line.contains('\n'));
    line.to_owned()
}

fn with_style(style: Style) -> AccessSettings {
    AccessSettings {
        style,
        ..AccessSettings::default()
    }
}

fn template(format: &str) -> AccessSettings {
    with_style(Style::Template(format.to_owned()))
}

/// What one name of a template is written as.
fn value(name: &str, record: &RequestRecord<'_>) -> String {
    line(&template(&format!("%({name})")), record)
}

#[test]
fn the_default_lines_of_uwsgi() {
    let style = with_style(Style::Uwsgi);
    let root = curl("GET /", "");
    assert_eq!(
        line(&style, &answered(&root)),
        "[pid: 7937|app: 0|req: 1/1] 127.0.0.1 () {24 vars in 246 bytes} \
         [Sat Nov 21 14:27:45 2026] GET / => generated 5 bytes in 0 msecs (HTTP/1.1 200) \
         1 headers in 45 bytes (1 switches on core 0)"
    );

    let query = http(
        "GET /vars?a=b%0a%20 HTTP/1.1\r\nHost: 127.0.0.1:18731\r\nUser-Agent: ua é \"q\" \\b\r\n\
         Accept: */*\r\nReferer: http://ref/\r\nX-Forwarded-For: 1.2.3.4, 5.6.7.8\r\n\
         Cookie: a=b\r\n\r\n",
    );
    let record = RequestRecord {
        body_bytes: 682,
        worker_requests: 2,
        total_requests: 2,
        ..answered(&query)
    };
    assert_eq!(
        line(&style, &record),
        "[pid: 7937|app: 0|req: 2/2] 127.0.0.1 () {30 vars in 359 bytes} \
         [Sat Nov 21 14:27:45 2026] GET /vars?a=b%0a%20 => generated 682 bytes in 0 msecs \
         (HTTP/1.1 200) 1 headers in 45 bytes (1 switches on core 0)"
    );

    let post = curl(
        "POST /404",
        "Content-Length: 3\r\nContent-Type: application/x-www-form-urlencoded\r\n",
    );
    let record = RequestRecord {
        status: 404,
        body_bytes: 0,
        header_bytes: 26,
        header_count: 0,
        worker_requests: 5,
        total_requests: 5,
        switches: 0,
        ..answered(&post)
    };
    assert_eq!(
        line(&style, &record),
        "[pid: 7937|app: 0|req: 5/5] 127.0.0.1 () {28 vars in 321 bytes} \
         [Sat Nov 21 14:27:45 2026] POST /404 => generated 0 bytes in 0 msecs (HTTP/1.1 404) \
         0 headers in 26 bytes (0 switches on core 0)"
    );

    let file = curl("GET /file", "");
    let record = RequestRecord {
        body_bytes: 613,
        header_bytes: 25,
        worker_requests: 6,
        total_requests: 6,
        switches: 0,
        via: Via::Sendfile,
        ..answered(&file)
    };
    assert_eq!(
        line(&style, &record),
        "[pid: 7937|app: 0|req: 6/6] 127.0.0.1 () {24 vars in 254 bytes} \
         [Sat Nov 21 14:27:45 2026] GET /file => generated 613 bytes in 0 msecs via sendfile() \
         (HTTP/1.1 200) 1 headers in 25 bytes (0 switches on core 0)"
    );
}

#[test]
fn uwsgi_lines_with_options() {
    let root = curl("GET /", "");
    let memory = AccessSettings {
        micros: true,
        memory_report: true,
        ..with_style(Style::Uwsgi)
    };
    let record = RequestRecord {
        address_space: 19_488_768,
        resident: 10_391_552,
        duration_micros: 203,
        ..answered(&root)
    };
    assert_eq!(
        line(&memory, &record),
        "{address space usage: 19488768 bytes/18MB} {rss usage: 10391552 bytes/9MB} \
         [pid: 7937|app: 0|req: 1/1] 127.0.0.1 () {24 vars in 246 bytes} \
         [Sat Nov 21 14:27:45 2026] GET / => generated 5 bytes in 203 micros (HTTP/1.1 200) \
         1 headers in 45 bytes (1 switches on core 0)"
    );

    let forwarded = AccessSettings {
        x_forwarded_for: true,
        ..with_style(Style::Uwsgi)
    };
    let behind = curl("GET /", "X-Forwarded-For: 1.2.3.4, 5.6.7.8\r\n");
    assert!(line(&forwarded, &answered(&behind)).contains("] 1.2.3.4, 5.6.7.8 () {"));
    assert!(line(&forwarded, &answered(&root)).contains("] 127.0.0.1 () {"));
    assert!(line(&with_style(Style::Uwsgi), &answered(&behind)).contains("] 127.0.0.1 () {"));
}

#[test]
fn uwsgi_lines_when_no_app_ran() {
    let root = curl("GET /", "");
    let record = RequestRecord {
        app: -1,
        worker_requests: 0,
        total_requests: 9,
        ..answered(&root)
    };
    let text = line(&with_style(Style::Uwsgi), &record);
    assert!(
        text.starts_with("[pid: 7937|app: -1|req: -1/9] 127.0.0.1 () {"),
        "{text}"
    );
}

#[test]
fn what_a_web_server_says_goes_before_what_we_see() {
    let head = cgi(&[
        ("REQUEST_METHOD", b"GET"),
        ("REQUEST_URI", b"/a?b"),
        ("SERVER_PROTOCOL", b"HTTP/2.0"),
        ("REMOTE_ADDR", b"192.0.2.7"),
        ("REMOTE_PORT", b"4711"),
        ("REMOTE_USER", b"bob"),
        ("HTTP_HOST", b"example.org"),
        ("HTTP_COOKIE", b""),
    ]);
    let record = RequestRecord {
        remote_addr: "",
        ..answered(&head)
    };
    let text = line(&with_style(Style::Uwsgi), &record);
    let size: usize = "REQUEST_METHODGETREQUEST_URI/a?bSERVER_PROTOCOLHTTP/2.0REMOTE_ADDR192.0.2.7\
                       REMOTE_PORT4711REMOTE_USERbobHTTP_HOSTexample.orgHTTP_COOKIE"
        .len();
    let expected = format!("] 192.0.2.7 (bob) {{16 vars in {} bytes}} [", size + 8 * 4);
    assert!(text.contains(&expected), "{text}");
    assert!(
        text.contains("] GET /a?b => ") && text.contains(" (HTTP/2.0 200) "),
        "{text}"
    );
    for (name, expected) in [
        ("addr", "192.0.2.7"),
        ("user", "bob"),
        ("host", "example.org"),
        ("proto", "HTTP/2.0"),
        ("var.REMOTE_PORT", "4711"),
        ("var.HTTP_COOKIE", "-"),
        ("var.SERVER_NAME", "-"),
    ] {
        assert_eq!(value(name, &record), expected, "{name}");
    }
}

/// What uWSGI writes for each of its names, and we too.
#[test]
fn every_name_of_a_template() {
    let head = curl(
        "POST /404?q=1",
        "Content-Length: 3\r\nContent-Type: text/x\r\nReferer: http://ref/\r\n",
    );
    let record = RequestRecord {
        status: 404,
        body_bytes: 12_345,
        header_bytes: 31,
        header_count: 2,
        request_body_bytes: 3,
        started_micros: 1_795_271_268_372_835,
        duration_micros: 12_893,
        worker: 4,
        pid: 8_090,
        core: 6,
        switches: 5,
        modifiers: (30, 7),
        read_errors: 1,
        write_errors: 2,
        address_space: 19_488_768,
        resident: 10_391_552,
        ..answered(&head)
    };
    for (name, expected) in [
        ("uri", "/404?q=1"),
        ("method", "POST"),
        ("user", "-"),
        ("addr", "127.0.0.1"),
        ("host", "127.0.0.1:18731"),
        ("proto", "HTTP/1.1"),
        ("uagent", "curl/7.88.1"),
        ("referer", "http://ref/"),
        ("status", "404"),
        ("rsize", "12345"),
        ("hsize", "31"),
        ("size", "12376"),
        ("cl", "3"),
        ("micros", "12893"),
        ("msecs", "12"),
        ("secs", "0.012893"),
        ("tmsecs", "1795271268372"),
        ("tmicros", "1795271268372835"),
        ("time", "1795271268"),
        ("ltime", "21/Nov/2026:14:27:48 +0000"),
        ("ftime", "21/Nov/2026:14:27:48 +0000"),
        ("ctime", "Sat Nov 21 14:27:48 2026"),
        ("epoch", "1795271268"),
        ("pid", "8090"),
        ("wid", "4"),
        ("switches", "5"),
        ("vars", "30"),
        ("pktsize", "328"),
        ("core", "6"),
        ("vsz", "19488768"),
        ("rss", "10391552"),
        ("vszM", "18"),
        ("rssM", "9"),
        ("modifier1", "30"),
        ("modifier2", "7"),
        ("headers", "2"),
        ("werr", "2"),
        ("rerr", "1"),
        ("ioerr", "3"),
        ("var.REQUEST_METHOD", "POST"),
        ("var.REQUEST_URI", "/404?q=1"),
        ("var.PATH_INFO", "/404"),
        ("var.QUERY_STRING", "q=1"),
        ("var.SERVER_PROTOCOL", "HTTP/1.1"),
        ("var.SERVER_NAME", "vm"),
        ("var.SERVER_PORT", "18731"),
        ("var.REMOTE_ADDR", "127.0.0.1"),
        ("var.REMOTE_PORT", "40000"),
        ("var.REQUEST_SCHEME", "http"),
        ("var.HTTPS", "-"),
        ("var.SCRIPT_NAME", "-"),
        ("var.CONTENT_LENGTH", "3"),
        ("var.CONTENT_TYPE", "text/x"),
        ("var.HTTP_USER_AGENT", "curl/7.88.1"),
        ("var.HTTP_CONTENT_TYPE", "-"),
        ("var.NOPE", "-"),
        ("var.HTTP_NOPE", "-"),
        ("var.", "-"),
    ] {
        assert_eq!(value(name, &record), expected, "{name}");
    }
}

#[test]
fn variables_as_the_app_sees_them() {
    let head = curl(
        "GET /gr%C3%BC%C3%9Fe%0a%zz?",
        "X-Id: 1\r\nCookie: a=b\r\nx-id: 2\r\nCookie: c=d\r\n",
    );
    let record = RequestRecord {
        https: true,
        ..answered(&head)
    };
    assert_eq!(value("var.HTTP_X_ID", &record), "1, 2");
    assert_eq!(value("var.HTTP_COOKIE", &record), "a=b; c=d");
    assert_eq!(value("var.PATH_INFO", &record), "/grüße\\x0a%zz");
    assert_eq!(value("var.QUERY_STRING", &record), "-");
    assert_eq!(value("var.HTTPS", &record), "on");
    assert_eq!(value("var.REQUEST_SCHEME", &record), "https");
}

#[test]
fn templates_found_in_the_wild() {
    let head = curl("GET /x?y", "X-Cloud-Trace-Context: abc/1\r\n");
    let record = RequestRecord {
        duration_micros: 12_893,
        ..answered(&head)
    };
    for (format, expected) in [
        (
            "uwsgi  | %(host) [pid: %(pid)] %(addr) [%(ltime)] %(method) %(uri) => %(proto) \
             %(status) | %(size) bytes in %(msecs)ms",
            "uwsgi  | 127.0.0.1:18731 [pid: 7937] 127.0.0.1 [21/Nov/2026:14:27:45 +0000] GET /x?y \
             => HTTP/1.1 200 | 50 bytes in 12ms",
        ),
        (
            "source=engine:uwsgi status=%(status) latency=%(secs) \
             google_trace_id=%(var.HTTP_X_CLOUD_TRACE_CONTEXT) req_body_size=%(cl)",
            "source=engine:uwsgi status=200 latency=0.012893 google_trace_id=abc/1 req_body_size=0",
        ),
        (
            "UWSGI: %(method) %(uri) -> %(status)",
            "UWSGI: GET /x?y -> 200",
        ),
        ("no names, 100% %Y %%", "no names, 100% %Y %%"),
        ("", ""),
    ] {
        assert_eq!(line(&template(format), &record), expected);
    }
}

#[test]
fn what_looks_like_a_name_and_is_none_stays() {
    let head = curl("GET /", "");
    let record = answered(&head);
    assert_eq!(line(&template("%(status)%"), &record), "200%");
    assert_eq!(
        line(&template("%(status) %(unterminated"), &record),
        "200 %(unterminated"
    );
    assert_eq!(line(&template("%%(status)"), &record), "%200");
    assert_eq!(
        line(&template("(status) %status"), &record),
        "(status) %status"
    );
}

#[test]
fn names_that_stand_for_nothing_are_told_once() {
    let (mut log, unknown) = AccessLog::new(&template(
        "%(stauts) %(user_agent) %(nothing like it) %() %(stauts) %(URI) %(status)",
    ));
    let told: Vec<_> = unknown
        .iter()
        .map(|name| (name.name.as_str(), name.nearest))
        .collect();
    assert_eq!(
        told,
        [
            ("stauts", Some("status")),
            ("user_agent", Some("uagent")),
            ("nothing like it", None),
            ("", None),
            ("URI", Some("uri")),
        ]
    );
    assert_eq!(
        unknown[0].to_string(),
        "log-format: there is no %(stauts), `-` is logged in its place"
    );
    assert_eq!(unknown[0].hint().unwrap(), "did you mean %(status)?");
    assert_eq!(unknown[2].hint(), None);
    let head = curl("GET /", "");
    let mut out = Vec::new();
    log.log(&mut out, &answered(&head));
    assert_eq!(out, b"- - - - - - 200\n");
}

#[test]
fn dates_of_ones_own() {
    let head = curl("GET /", "");
    let record = answered(&head);
    let settings = AccessSettings {
        strftime: true,
        date_format: Some("%Y!%m".to_owned()),
        ..template("[%Y-%m-%d %(uri)] %(ftime) 100%%")
    };
    assert_eq!(line(&settings, &record), "[2026-11-21 /] 2026!11 100%");
    // Only the template's own text is a date format, never what a client sent.
    let sly = curl("GET /%Y%m", "");
    assert_eq!(
        line(&settings, &answered(&sly)),
        "[2026-11-21 /%Y%m] 2026!11 100%"
    );
}

#[test]
fn nothing_a_client_sends_can_forge_a_line() {
    let head = cgi(&[
        ("REQUEST_METHOD", b"GET\nx"),
        ("REQUEST_URI", b"/a\r\n[pid: 1] forged"),
        ("SERVER_PROTOCOL", b"HTTP/1.1\n"),
        ("REMOTE_ADDR", b"1.2.3.4\x1b[2J"),
        ("REMOTE_USER", b"\x00\xff"),
        ("HTTP_USER_AGENT", b"\"quoted\" \\x0a\x7f"),
        ("HTTP_X_FORWARDED_FOR", b"\n5.6.7.8"),
    ]);
    let record = RequestRecord {
        remark: "a\nb",
        ..answered(&head)
    };
    for style in [
        Style::Uwsgi,
        Style::Readable,
        Style::Template(
            "%(uri) %(method) %(user) %(addr) %(proto) %(uagent) %(var.HTTP_X_FORWARDED_FOR)"
                .to_owned(),
        ),
    ] {
        for x_forwarded_for in [false, true] {
            let settings = AccessSettings {
                x_forwarded_for,
                ..with_style(style.clone())
            };
            let text = line(&settings, &record);
            assert!(
                text.bytes().all(|byte| (0x20..0x7f).contains(&byte)),
                "{text}"
            );
            assert!(text.contains("/a\\x0d\\x0a[pid: 1] forged"), "{text}");
        }
    }
    assert_eq!(value("uagent", &record), "\"quoted\" \\\\x0a\\x7f");
    let quoted = line(&template("\"%(uagent)\""), &record);
    assert_eq!(quoted, "\"\\\"quoted\\\" \\\\x0a\\x7f\"");
}

#[test]
fn lines_for_people() {
    let head = curl("GET /path?q", "");
    let record = RequestRecord {
        started_micros: 1_795_269_791_000_000,
        body_bytes: 1_234,
        duration_micros: 5_249,
        ..answered(&head)
    };
    let readable = with_style(Style::Readable);
    assert_eq!(
        line(&readable, &record),
        "2026-11-21 14:03:11 127.0.0.1 GET /path?q 200 1234B 5.2ms worker 1"
    );
    let file = RequestRecord {
        via: Via::Sendfile,
        body_bytes: 3_565_158,
        worker: 3,
        ..record
    };
    assert_eq!(
        line(&readable, &file),
        "2026-11-21 14:03:11 127.0.0.1 GET /path?q 200 3.3MiB 5.2ms sendfile worker 3"
    );
    let killed = RequestRecord {
        status: 502,
        remark: "the worker died",
        ..record
    };
    assert_eq!(
        line(&readable, &killed),
        "2026-11-21 14:03:11 127.0.0.1 GET /path?q 502 1234B 5.2ms worker 1 (the worker died)"
    );
    let micros = AccessSettings {
        micros: true,
        ..with_style(Style::Readable)
    };
    assert!(line(&micros, &record).contains(" 1234B 5249us worker"));
    // Nothing could be read: every column is still there.
    let refused = RequestRecord {
        status: 400,
        started_micros: 1_795_269_791_000_000,
        ..RequestRecord::default()
    };
    assert_eq!(
        line(&readable, &refused),
        "2026-11-21 14:03:11 - - - 400 0B 0us"
    );
}

#[test]
fn a_request_without_a_head_is_logged_in_every_style() {
    let refused = RequestRecord {
        status: 400,
        app: -1,
        ..RequestRecord::default()
    };
    let text = line(&with_style(Style::Uwsgi), &refused);
    assert!(
        text.contains("{0 vars in 0 bytes}") && text.contains("400"),
        "{text}"
    );
    assert_eq!(
        line(&template("%(uri) %(host) %(var.A) %(vars)"), &refused),
        "- - - 0"
    );
}

#[test]
fn only_selected_requests_are_logged() {
    let head = curl("GET /", "");
    let quiet = Selection {
        disabled: true,
        server_errors: true,
        ..Selection::default()
    };
    let (mut log, _) = AccessLog::new(&AccessSettings {
        selection: quiet,
        ..template("%(status)")
    });
    assert!(log.is_on());
    let mut out = Vec::new();
    for status in [200, 404, 500, 302, 503] {
        log.log(
            &mut out,
            &RequestRecord {
                status,
                ..answered(&head)
            },
        );
    }
    assert_eq!(out, b"500\n503\n");
    let none = Selection {
        disabled: true,
        ..Selection::default()
    };
    let silent = AccessSettings {
        selection: none,
        ..AccessSettings::default()
    };
    assert!(!AccessLog::new(&silent).0.is_on());
}
