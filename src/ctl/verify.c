/* dhctl verify: are checkpoint and journals sound, and what would a resume see? */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "dh_mpi/text.h"
#include "verb.h"

/* Events of which a file tells, and that a resume would not see. A search that is running may
 * have written some between the two looks. */
static uint64_t lost_events(const struct dh_store_report *report)
{
    if (report->status != DH_OK)
        return report->last_event;
    uint64_t have = dh_history_event(report->image.history);
    return report->last_event > have ? report->last_event - have : 0;
}

static const char *verdict(const struct dh_store_report *report)
{
    if (report->status != DH_OK)
        return report->status == DH_CORRUPT ? "unusable" : "cannot be read";
    if (lost_events(report))
        return "events lost";
    return report->damaged  ? "damaged, nothing lost"
           : report->unread ? "not all of it can be read, nothing lost"
                            : "sound";
}

static void print_file(const struct dh_store_file *file)
{
    printf("%-8s %s: %" PRIu64 " bytes", dh_file_state_text(file->state), file->path, file->bytes);
    if (file->checkpoint && file->state == DH_FILE_SOUND)
        printf(", checkpoint at event %" PRIu64, file->last_event);
    else if (!file->checkpoint && file->first_event)
        printf(", events %" PRIu64 " to %" PRIu64, file->first_event, file->last_event);
    else if (!file->checkpoint && file->state != DH_FILE_UNREAD && file->torn_bytes < file->bytes)
        printf(", no events");
    if (file->torn_bytes)
        printf(", %" PRIu64 " torn bytes", file->torn_bytes);
    if (file->behind)
        printf(", %" PRIu64 " events behind the damage", file->behind);
    puts("");
    if (file->problem[0])
        printf("         %s\n", file->problem);
}

static void print_resume(const struct dh_store_report *report)
{
    const struct dh_store_image *image = &report->image;
    if (report->status != DH_OK) {
        printf("resume   refused: %s\n", report->problem);
        return;
    }
    uint64_t count = dh_history_count(image->history), ended = dh_history_ended(image->history);
    uint64_t cancelled = dh_history_cancelled(image->history);
    printf("resume   %" PRIu64 " trials: %" PRIu64 " ended, ", count, ended - cancelled);
    if (cancelled > 0)
        printf("%" PRIu64 " cancelled, ", cancelled);
    printf("%" PRIu64 " to evaluate again\n", count - ended);
    printf("         event %" PRIu64 ": %" PRIu64 " from %s, %" PRIu64 " from journals\n",
           dh_history_event(image->history), image->checkpoint_event,
           !image->checkpoint_event ? "no checkpoint"
           : image->used_previous   ? "the previous checkpoint"
                                    : "the checkpoint",
           image->journal_events);
}

static void print_report(const struct dh_store_report *report)
{
    for (size_t i = 0; i < report->count; i++)
        print_file(&report->files[i]);
    print_resume(report);
    if (report->holder)
        printf("running  %s\n", report->holder);
    uint64_t lost = lost_events(report);
    if (report->status == DH_OK && lost)
        printf("lost     events %" PRIu64 " to %" PRIu64 ": proposals and ends of trials after the "
               "damage; they are evaluated again\n",
               report->last_event - lost + 1, report->last_event);
    printf("verdict  %s\n", verdict(report));
}

static void put_file_json(const struct dh_store_file *file, struct dh_buffer *out)
{
    dh_buffer_text(out, "{\"path\": ");
    dh_text_put_json(out, file->path);
    dh_buffer_printf(out,
                     ", \"kind\": \"%s\", \"state\": \"%s\", \"bytes\": %" PRIu64
                     ", \"torn_bytes\": %" PRIu64 ", \"first_event\": %" PRIu64
                     ", \"last_event\": %" PRIu64 ", \"events_behind_damage\": %" PRIu64,
                     file->checkpoint ? "checkpoint" : "journal", dh_file_state_text(file->state),
                     file->bytes, file->torn_bytes, file->first_event, file->last_event,
                     file->behind);
    dh_text_put_json_text_member(out, "problem", file->problem);
    dh_buffer_text(out, "}");
}

static void put_resume_json(const struct dh_store_report *report, struct dh_buffer *out)
{
    const struct dh_store_image *image = &report->image;
    bool good = report->status == DH_OK;
    uint64_t count = good ? dh_history_count(image->history) : 0;
    uint64_t ended = good ? dh_history_ended(image->history) : 0;
    uint64_t cancelled = good ? dh_history_cancelled(image->history) : 0;
    dh_buffer_printf(out,
                     "{\"possible\": %s, \"trials\": %" PRIu64 ", \"ended\": %" PRIu64
                     ", \"cancelled\": %" PRIu64 ", \"pending\": %" PRIu64 ", \"event\": %" PRIu64
                     ", \"checkpoint_event\": %" PRIu64 ", \"journal_events\": %" PRIu64
                     ", \"used_previous\": %s",
                     good ? "true" : "false", count, ended - cancelled, cancelled, count - ended,
                     good ? dh_history_event(image->history) : 0, image->checkpoint_event,
                     image->journal_events, image->used_previous ? "true" : "false");
    dh_text_put_json_text_member(out, "problem", report->problem);
    dh_text_put_json_text_member(out, "notes", image->notes ? image->notes : "");
    dh_buffer_text(out, "}");
}

static void print_report_json(const struct dh_store_report *report)
{
    struct dh_buffer out = {0};
    dh_buffer_printf(&out, "{\"verdict\": \"%s\",\n \"lost_events\": %" PRIu64 ",\n \"resume\": ",
                     verdict(report), lost_events(report));
    put_resume_json(report, &out);
    dh_buffer_text(&out, ",\n \"running\": ");
    dh_text_put_json(&out, report->holder);
    dh_buffer_text(&out, ",\n \"files\": [");
    for (size_t i = 0; i < report->count; i++) {
        dh_buffer_text(&out, i ? ",\n  " : "\n  ");
        put_file_json(&report->files[i], &out);
    }
    dh_buffer_text(&out, "]}");
    puts(out.data);
    dh_buffer_free(&out);
}

static dh_status verify(const char *path, bool json, struct dh_error *err)
{
    struct dh_store_report report = {0};
    char *file;
    dh_status status = verb_checkpoint_path(path, &file, err);
    if (status != DH_OK)
        return status;
    status = dh_store_verify(file, &report, err);
    if (status == DH_MISSING)
        status = dh_fail(err, DH_IO, "%s: no checkpoint and no journal there", file);
    if (status == DH_OK) {
        if (json)
            print_report_json(&report);
        else
            print_report(&report);
        bool lost = lost_events(&report) > 0 && !report.holder;
        if (report.status != DH_OK || report.damaged || report.unread || lost)
            status = dh_fail(err, DH_CORRUPT, "%s: %s", file, verdict(&report));
    }
    dh_store_report_free(&report);
    free(file);
    return status;
}

static dh_status run(int argc, char **argv, struct dh_error *err)
{
    bool json;
    dh_status status =
        verb_json_operands(argc, argv, 1, "a checkpoint or configuration", &json, err);
    return status == DH_OK ? verify(argv[optind], json, err) : status;
}

const struct verb verb_verify = {
    .name = "verify",
    .arguments = "[--json] FILE",
    .summary = "Check checkpoint and journals, and say what a resume would see",
    .help = "  -j, --json   as a JSON object\n\n"
            "Changes nothing. Exit code 0: sound (a last record that a death cut short is, too:\n"
            "nothing counted it). 74: something is damaged or cannot be read; the last line says\n"
            "whether anything is lost by it, and whether a resume is possible.\n\n"
            "Example: dhctl verify digits.h5\n",
    .run = run,
};
